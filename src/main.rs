//! The program: hands the arguments to `cli` and returns its exit status.

use std::process::ExitCode;

fn main() -> ExitCode {
    holdpoint::cli::main()
}
