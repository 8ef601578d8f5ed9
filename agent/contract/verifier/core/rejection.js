// Why something is not accepted: a code of view/texts.js with its data.
export class Rejection extends Error {
  constructor(code, data = {}) {
    super(code);
    this.code = code;
    this.data = data;
  }
}

export const reject = (code, data) => {
  throw new Rejection(code, data);
};
