// Run by infra/byte_code.py: node byte_code.mjs <folder> <where it will be mounted> < paths in it
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [folder, mountedAt] = process.argv.slice(2);
const python = await loadPyodide({ env: { PYTHONHASHSEED: "0" } });
python.FS.mkdirTree("/package");
python.FS.mount(python.FS.filesystems.NODEFS, { root: folder }, "/package");
python.globals.set("paths", readFileSync(0, "utf-8"));
python.globals.set("mounted_at", mountedAt);
python.runPython(`
import py_compile
for path in paths.splitlines():
    py_compile.compile(
        f"/package/{path}",
        dfile=f"{mounted_at}/{path}",
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
`);
