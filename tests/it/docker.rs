//! Releases of real containers, with both generations of compose.

mod adopt;
mod backups;
mod data;
mod drift;
mod engine;
mod podman;
mod postgres;
mod preview;
mod proof;
mod release;
mod relink;
mod rollback;
mod stack;

use engine::Generation;

/// One promise, kept with each generation of compose.
macro_rules! both {
    ($name:ident, $promise:expr) => {
        mod $name {
            use super::*;

            #[test]
            fn compose_v1() {
                if Generation::V1.is_here() {
                    let promise: fn(Generation) = $promise;
                    promise(Generation::V1);
                }
            }

            #[test]
            fn compose_v2() {
                if Generation::V2.is_here() {
                    let promise: fn(Generation) = $promise;
                    promise(Generation::V2);
                }
            }
        }
    };
}
use both;
