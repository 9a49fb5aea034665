//! Launcher and supervisor: namespaces, uid map, seccomp, landlock, cgroups.
