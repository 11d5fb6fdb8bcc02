module.exports = { globalSetup: "audience-mock/setup" };
