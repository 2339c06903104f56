// pytest on WebAssembly: `node run.mjs FOLDER [pytest arguments]`, in the repository. FOLDER holds node_modules/pyodide and
// site-packages; msgspec is hidden, as where it can't be had. The last line is JSON, the exit code is pytest's.
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [folder, ...args] = process.argv.slice(2);
const { loadPyodide } = createRequire(resolve(folder, "node_modules/"))("pyodide");
const python = await loadPyodide({
  env: { HOME: "/tmp", HYPOTHESIS_STORAGE_DIRECTORY: "/tmp/hypothesis", PYTHONDONTWRITEBYTECODE: "1" },
});
python.mountNodeFS("/repository", process.cwd());
python.mountNodeFS("/site-packages", resolve(folder, "site-packages"));
python.globals.set("arguments", python.toPy(args));
process.exit(
  python.runPython(`
import collections, json, os, platform, sys

sys.path[:0] = ["/repository", "/site-packages"]
os.chdir("/repository")
sys.modules["msgspec"] = None
import pytest

class Count:
    outcomes = collections.Counter(passed=0, failed=0, skipped=0)

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or not report.passed:
            self.outcomes[report.outcome] += 1

    def pytest_collectreport(self, report):
        if not report.passed:
            self.outcomes[report.outcome] += 1

code = pytest.main(["-p", "no:cacheprovider", *arguments], plugins=[Count()])
print(json.dumps({"python": platform.python_version(), "platform": sys.platform, **Count.outcomes}))
int(code)
`),
);
