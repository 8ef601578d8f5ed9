/* C FFTW3 for benchmarks/dsp.py: six real channels to full spectra, and optionally the rms of the subgroups. */
#include <fftw3.h>
#include <math.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Seconds per window over `rounds` windows of n points and `cycles` cycles. The first call creates the plan. */
#define BENCH(NAME, REAL, FFTW, ROOT)                                                                      \
  double NAME(int n, int cycles, int rounds, int grouped, const REAL *x, REAL *sg) {                       \
    static int planned;                                                                                    \
    static FFTW(plan) plan;                                                                                \
    static REAL *in;                                                                                       \
    static FFTW(complex) * out;                                                                            \
    int bins = n / 2 + 1;                                                                                  \
    if (planned != n) {                                                                                    \
      in = FFTW(malloc)(6 * n * sizeof *in);                                                               \
      out = FFTW(malloc)(6 * bins * sizeof *out);                                                          \
      plan = FFTW(plan_many_dft_r2c)(1, &n, 6, in, 0, 1, n, out, 0, 1, bins,                               \
                                     FFTW_PATIENT | FFTW_PRESERVE_INPUT);                                  \
      planned = n;                                                                                         \
    }                                                                                                      \
    for (int k = 0; k < 6 * n; k++) in[k] = x[k];                                                          \
    double start = now();                                                                                  \
    for (int round = 0; round < rounds; round++) {                                                         \
      FFTW(execute)(plan);                                                                                 \
      if (grouped)                                                                                         \
        for (int c = 0; c < 6; c++)                                                                        \
          for (int h = 1; h <= 50; h++) {                                                                  \
            REAL sum = 0;                                                                                  \
            for (int k = cycles * h - 1; k <= cycles * h + 1; k++)                                         \
              sum += out[c * bins + k][0] * out[c * bins + k][0] + out[c * bins + k][1] * out[c * bins + k][1]; \
            sg[c * 51 + h] = ROOT(2 * sum) / n;                                                            \
          }                                                                                                \
    }                                                                                                      \
    return (now() - start) / rounds;                                                                       \
  }
#define DOUBLE(name) fftw_##name
#define SINGLE(name) fftwf_##name
BENCH(bench_f64, double, DOUBLE, sqrt)
BENCH(bench_f32, float, SINGLE, sqrtf)
