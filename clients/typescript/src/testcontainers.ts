// AudienceMockContainer for Testcontainers, which is imported with this module alone.
import { AbstractStartedContainer, GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { CONTAINER_PORT, IMAGE, newToken, SEED_IN_CONTAINER, seedFile, type StartSettings, variablesOf } from "./settings.js";
import { World } from "./world.js";

export type { StartSettings } from "./settings.js";

/**
 * Milliseconds between two looks at a container that starts, and what one may take. Chosen: a start takes a
 * second, and Testcontainers would look once a second.
 */
const LOOK_MS = 250;

/**
 * A container that serves once it is started, by default of the image that `docker build -t audience-mock .`
 * makes. For all that is no setting, GenericContainer has `withNetwork`, `withName` and so on.
 */
export class AudienceMockContainer extends GenericContainer {
  #settings: StartSettings = {};

  constructor(image = IMAGE) {
    super(image);
    this.withExposedPorts(CONTAINER_PORT);
    // It notices a container that exits, for a wrong setting say, and tells what it wrote.
    const health = Wait.forHttp("/__admin/health", CONTAINER_PORT, { abortOnContainerExit: true });
    this.withWaitStrategy(health.forStatusCode(200).withReadTimeout(LOOK_MS));
  }

  /**
   * Settings of the server, as `{ build_delay_s: 0, seed: "demo" }`; earlier ones stay. A seed is `demo` or a
   * file of this machine, which is copied. Without an `admin_token` it gets a random one, because calls of the
   * control API come from outside the container.
   */
  withSettings(settings: StartSettings): this {
    this.#settings = { ...this.#settings, ...settings };
    return this;
  }

  /** Start it, and wait until it answers. Rejects with the errors of Testcontainers. */
  override async start(): Promise<StartedAudienceMockContainer> {
    const adminToken = (this.#settings.admin_token ??= newToken());
    const variables = variablesOf(this.#settings);
    const file = seedFile(this.#settings);
    if (file !== undefined) {
      // Its user is another one, who has to be able to read it.
      this.withCopyFilesToContainer([{ source: file, target: SEED_IN_CONTAINER, mode: 0o444 }]);
      variables["AUDIENCE_MOCK_SEED"] = SEED_IN_CONTAINER;
    }
    this.withEnvironment(variables);
    return new StartedAudienceMockContainer(await super.start(), adminToken);
  }
}

/** A container that serves at `url` until `stop()`. */
export class StartedAudienceMockContainer extends AbstractStartedContainer {
  /** The token with which the control API is called. */
  readonly adminToken: string;

  /** `AudienceMockContainer.start` makes it. */
  constructor(started: StartedTestContainer, adminToken: string) {
    super(started);
    this.adminToken = adminToken;
  }

  /** The server's base URL, for this machine. */
  get url(): string {
    const host = this.getHost();
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.getMappedPort(CONTAINER_PORT)}`;
  }

  /** The default world; its `inWorld` names others. */
  get world(): World {
    return new World(this.url, { adminToken: this.adminToken });
  }
}
