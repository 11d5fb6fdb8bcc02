// The global set-up with the settings of the environment, for a configuration that names a module.
import { globalSetup } from "./global_setup.js";

const setup = globalSetup();
export = setup;
