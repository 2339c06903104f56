// Runs pytest on WebAssembly: `node run.mjs FOLDER MODULES [pytest arguments]`, in the repository.
// FOLDER holds node_modules/pyodide and site-packages. MODULES are imported first, separated by commas. msgspec is hidden,
// because not every platform has it. The last line of the output is JSON; the exit code is pytest's.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, modules, ...args] = process.argv.slice(2);
const { loadPyodide } = createRequire(resolve(folder, "node_modules/"))("pyodide");
const python = await loadPyodide({
  env: { HOME: "/tmp", HYPOTHESIS_STORAGE_DIRECTORY: "/tmp/hypothesis", PYTHONDONTWRITEBYTECODE: "1" },
});
python.mountNodeFS("/repository", process.cwd());
python.mountNodeFS("/site-packages", resolve(folder, "site-packages"));
python.globals.set("modules", python.toPy(modules.split(",")));
python.globals.set("arguments", python.toPy(args));
process.exit(
  python.runPython(`
import collections, importlib, json, os, platform, sys

sys.path[:0] = ["/repository", "/site-packages"]
os.chdir("/repository")
sys.modules["msgspec"] = None
for module in modules:
    importlib.import_module(module)
import pytest

def lacking(error):
    """Say what a test needs that WebAssembly does not have; None if that is not why it failed."""
    if isinstance(error, ModuleNotFoundError) and error.name == "msgspec":
        return "msgspec is hidden, and with it the stores on disk"
    if isinstance(error, OSError) and "does not support processes" in str(error):
        return "no process can be started"
    if isinstance(error, AttributeError) and error.name == "tzset":
        return "the time zone cannot be changed"
    return None

class Watch:
    outcomes = collections.Counter(passed=0, failed=0, skipped=0)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call):
        report = yield
        if report.failed and (reason := lacking(call.excinfo.value)):
            report.outcome = "skipped"
            report.longrepr = (str(report.fspath), report.location[1], f"Skipped: {reason}")
        return report

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            self.outcomes[report.outcome] += 1

    def pytest_collectreport(self, report):
        if not report.passed:
            self.outcomes[report.outcome] += 1

code = pytest.main(["-p", "no:cacheprovider", *arguments], plugins=[Watch()])
print(json.dumps({"python": platform.python_version(), "platform": sys.platform, **Watch.outcomes}))
int(code)
`),
);
