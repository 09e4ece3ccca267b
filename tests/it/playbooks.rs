//! Playbooks as a tool: which one a failure looks like, and what its commands say.

mod shipped;
