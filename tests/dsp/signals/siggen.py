"""Turns a case recipe (format pqsig-1) into sample arrays. numpy only; independent of the product code.

recipe = {fs, n, f0, channels, [seed], [t0]}
 f0: {"const": Hz} | {"ramp": [Hz0, Hz_per_s]} | {"steps": [[t, Hz], ...]}  (first t must be 0)
     | {"fm":[Hz0, dev_Hz, mod_Hz]}
 phi(t) = 2*pi * integral f0 dt (closed form, phi(0)=0)
 channel: {"unit", "terms":[...], "dc":0, "noise_rms":0, "env":[[t_a,t_b,factor],...], "clip":[lo,hi],
           "quant":{"full_scale":X,"bits":B}, "faults":[[i0,i1,kind]]}   kind: nan | zero | hold | spike:VALUE
 term: {"h": order (may be fractional) | "hz": fixed Hz, "rms":, "deg":, "am":{"hz","depth","shape","deg"}}
   value = sqrt(2)*rms*sin(h*phi + deg)  or  sqrt(2)*rms*sin(2*pi*hz*t + deg)
   am multiplies by 1+depth*shape(2*pi*hz*t+deg)
 order of operations: sum terms -> env -> + dc -> + noise -> clip -> quantise -> faults
 noise: numpy.random.default_rng(seed), channels in sorted name order, standard_normal(n)*noise_rms
"""

import numpy as np


def phase(f0, t):
    if "const" in f0:
        return 2 * np.pi * f0["const"] * t
    if "ramp" in f0:
        a, r = f0["ramp"]
        return 2 * np.pi * (a * t + 0.5 * r * t * t)
    if "fm" in f0:
        a, d, m = f0["fm"]
        return 2 * np.pi * a * t + d / m * (1 - np.cos(2 * np.pi * m * t))
    ph = np.zeros_like(t)
    st = f0["steps"]
    acc = 0.0
    for k, (ts, fz) in enumerate(st):
        te = st[k + 1][0] if k + 1 < len(st) else np.inf
        m = (t >= ts) & (t < te)
        ph[m] = 2 * np.pi * (acc + fz * (t[m] - ts))
        if np.isfinite(te):
            acc += fz * (te - ts)
    return ph


def generate(rec):
    n = int(rec["n"])
    t = np.arange(n) / rec["fs"]
    ph = phase(rec["f0"], t)
    rng = np.random.default_rng(rec.get("seed", 0))
    out = {}
    for name in sorted(rec["channels"]):
        c = rec["channels"][name]
        x = np.zeros(n)
        for q in c.get("terms", []):
            arg = (q["h"] * ph if "h" in q else 2 * np.pi * q["hz"] * t) + np.deg2rad(q.get("deg", 0.0))
            y = np.sqrt(2) * q["rms"] * np.sin(arg)
            if "am" in q:
                a = q["am"]
                s = np.sin(2 * np.pi * a["hz"] * t + np.deg2rad(a.get("deg", 0)))
                if a.get("shape", "sine") == "rect":
                    s = np.where(s >= 0, 1.0, -1.0)
                y = y * (1 + a["depth"] * s)
            x += y
        for a, b, f in c.get("env", []):
            x[(t >= a) & (t < b)] *= f
        x += c.get("dc", 0.0)
        if c.get("noise_rms"):
            x += c["noise_rms"] * rng.standard_normal(n)
        if "clip" in c:
            x = np.clip(x, *c["clip"])
        if "quant" in c:
            lsb = 2 * c["quant"]["full_scale"] / 2 ** c["quant"]["bits"]
            x = np.round(x / lsb) * lsb
        for i0, i1, k in c.get("faults", []):
            if k == "nan":
                x[i0:i1] = np.nan
            elif k == "zero":
                x[i0:i1] = 0
            elif k == "hold":
                x[i0:i1] = x[i0 - 1]
            else:
                x[i0:i1] = float(k.split(":")[1])
        out[name] = x
    return t, out
