//! Ecosystem-neutral SAT resolution: a model of packages and requests, a solution or an explained conflict.
