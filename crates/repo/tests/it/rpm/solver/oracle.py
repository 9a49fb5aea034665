"""Answers requests as libsolv does: reads a JSON object from the standard input, writes a JSON list.

Input: {"arch", "repositories": [{"name", "priority", "primary", "filelists", "hidden"}], "requests": [{"install", "weak"}]}.
"""

import json
import sys

import solv


def load(pool, description):
    repo = pool.add_repo(description["name"])
    repo.priority = -description["priority"]
    repo.add_rpmmd(solv.xfopen(description["primary"]), None)
    if description["filelists"]:
        repo.add_rpmmd(solv.xfopen(description["filelists"]), None, solv.Repo.REPO_EXTEND_SOLVABLES)


def main():
    task = json.load(sys.stdin)
    pool = solv.Pool()
    pool.setdisttype(solv.Pool.DISTTYPE_RPM)
    pool.setarch(task["arch"])
    pool.set_flag(solv.Pool.POOL_FLAG_IMPLICITOBSOLETEUSESCOLORS, 1)
    for description in task["repositories"]:
        load(pool, description)
    hidden = {name for repository in task["repositories"] for name in repository["hidden"]}
    if hidden:
        disabled = []
        for solvable in pool.solvables:
            evr = solvable.evr if ":" in solvable.evr else "0:" + solvable.evr
            if f"{solvable.name}-{evr}.{solvable.arch}" in hidden:
                disabled.append(solvable.id)
        pool.set_disabled_list(disabled)
    pool.addfileprovides()
    pool.createwhatprovides()
    answers = []
    for request in task["requests"]:
        jobs = []
        missing = False
        for name in request["install"]:
            selection = pool.select(name, solv.Selection.SELECTION_NAME | solv.Selection.SELECTION_PROVIDES)
            missing = missing or selection.isempty()
            jobs += selection.jobs(solv.Job.SOLVER_INSTALL)
        solver = pool.Solver()
        if not request["weak"]:
            solver.set_flag(solv.Solver.SOLVER_FLAG_IGNORE_RECOMMENDED, 1)
        if missing or solver.solve(jobs):
            answers.append(None)
            continue
        answers.append(sorted(f"{s.name}-{s.evr}.{s.arch}" for s in solver.transaction().newsolvables()))
    json.dump(answers, sys.stdout)


main()
