import type { ConductFinding, ContractDiff, ContractDifference, VerificationFailure } from "./types.js";

/** Characters of a value in the line of a difference. */
const VALUE_CHARACTERS = 100;

/** The control API rejected a call; the message is its error message. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  /** HTTP status. */
  readonly status: number;
  /** Dotted path of the wrong field in the body, or null. */
  readonly field: string | null;

  constructor(status: number, body: { error?: string; field?: string | null }) {
    super(body.error ?? `status ${status}`);
    this.status = status;
    this.field = body.field ?? null;
  }
}

/** The world did not receive the requests that were expected; the message lists the differences. */
export class VerificationError extends Error {
  override readonly name = "VerificationError";
  /** The response: `matched`, `dropped`, `nearest` and `differences` among others. */
  readonly body: VerificationFailure;

  constructor(body: VerificationFailure) {
    const differences = (body.differences ?? []).map((difference) => {
      const found = "found" in difference ? JSON.stringify(difference.found) : "nothing";
      return `  ${difference.path}: ${JSON.stringify(difference.wanted)} wanted, ${found} found`;
    });
    super([body.error, ...differences].join("\n"));
    this.body = body;
  }
}

/** The requests in the journal break rules of the conduct report; the message lists those that fail. */
export class ConductError extends Error {
  override readonly name = "ConductError";
  readonly findings: readonly ConductFinding[];

  constructor(findings: readonly ConductFinding[]) {
    const lines = findings.flatMap(({ rule, severity, name, message, fix }) => [
      `  ${rule} ${severity} ${name}: ${message}`,
      `      do: ${fix}`,
    ]);
    super(["the client breaks rules of the conduct report:", ...lines].join("\n"));
    this.findings = findings;
  }
}

/** Another version of an API answers calls otherwise, or not all could be compared; the message lists them. */
export class ContractDiffError extends Error {
  override readonly name = "ContractDiffError";
  readonly report: ContractDiff;

  constructor(report: ContractDiff) {
    const { api, from, to, calls, different, stopped } = report;
    super(
      [
        `${different.length} of ${calls} ${calls === 1 ? "call" : "calls"} answered otherwise by ${api} ${to} than by ${from}:`,
        ...(stopped === null ? [] : [`  not all was compared: ${stopped}`]),
        ...report.operations
          .filter(({ differences }) => differences.length > 0)
          .flatMap(({ operation, differences }) => [`  ${operation}`, ...differences.flatMap(linesOf)]),
      ].join("\n"),
    );
    this.report = report;
  }
}

function linesOf({ place, change, calls, first, facts }: ContractDifference): string[] {
  const [before, after] = [first.before, first.after].map((value) => {
    const text = JSON.stringify(value);
    return text.length <= VALUE_CHARACTERS ? text : `${text.slice(0, VALUE_CHARACTERS)}…`;
  });
  const changed = change === "added" ? `added: ${after}` : change === "removed" ? `removed: ${before}` : `${before} -> ${after}`;
  return [
    `    ${place}: ${changed}`,
    `      ${calls.length === 1 ? "call" : "calls"} ${calls.join(", ")}: ${first.method} ${first.path}`,
    ...facts.map(({ since, fact, grade, source }) => `      since ${since}: ${fact} (${grade}: ${source})`),
  ];
}

/** A job cannot be swept: it fails without a fault, or makes no call. */
export class SweepError extends Error {
  override readonly name = "SweepError";
}

/** A sweep has findings that fail it; the message has the matrix. */
export class SweepFindingsError extends Error {
  override readonly name = "SweepFindingsError";
}

/** Faults were planned and never fired, or not as often as planned. */
export class UnusedFaultsError extends Error {
  override readonly name = "UnusedFaultsError";
}

/** No server answered: none listens there, or it took too long. `cause` is the error of the connection. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
}

/** The server could not be found, installed or started; the message says what was tried. */
export class StartError extends Error {
  override readonly name = "StartError";
}
