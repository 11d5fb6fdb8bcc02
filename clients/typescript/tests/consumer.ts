// What a user of the package writes. It is compiled strictly, in modules of both kinds, and not run.
import { AudienceMock, createWorld, startAudienceMock, type Verified, VerificationError, World } from "audience-mock";
export async function use(): Promise<Verified> {
  const mock: AudienceMock = await startAudienceMock({ settings: { build_delay_s: 0, cors_origins: ["*"] } });
  const world: World = await createWorld({ server: mock, frozen: true, settings: { rate_limits: "trial" } });
  await world.seed(await mock.state());
  await world.faults.add("audiences/list", { status: 503, first: 1, match: { query: { page_size: "25" } } });
  const found: readonly number[] = (await world.journal.entries({ status: "4xx" })).map((entry) => entry.number);
  // @ts-expect-error -- no such setting
  await world.configure({ build_delay: found.length });
  // @ts-expect-error -- where the server listens is decided by the start
  await startAudienceMock({ settings: { port: 1 } });
  const differences: string[] = new VerificationError(JSON.parse("{}")).body.differences.map(({ path }) => path);
  return world.verify("audiences/list", { count: { at_least: differences.length } });
}
