"""From the text of package indexes to an answer, as libsolv does it: FORMAT NAMES FILE..."""

import json
import sys
import time

import solv


def main():
    form, names, *files = sys.argv[1:]
    started = time.perf_counter()
    pool = solv.Pool()
    debian = form == "debian"
    pool.setdisttype(solv.Pool.DISTTYPE_DEB if debian else solv.Pool.DISTTYPE_RPM)
    pool.setarch("amd64" if debian else "x86_64")
    for file in files:
        repo = pool.add_repo(file)
        if debian:
            repo.add_debpackages(solv.xfopen(file))
        else:
            repo.add_rpmmd(solv.xfopen(file), None)
    pool.addfileprovides()
    pool.createwhatprovides()
    jobs = []
    for name in names.split():
        selection = pool.select(name, solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_PROVIDES)
        jobs += selection.jobs(solv.Job.SOLVER_INSTALL)
    solver = pool.Solver()
    solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 1)
    problems = solver.solve(jobs)
    chosen = None if problems else len(solver.transaction().newsolvables())
    print(json.dumps({"seconds": time.perf_counter() - started, "chosen": chosen}))


main()
