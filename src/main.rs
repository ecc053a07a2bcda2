//! Entry point: processor check, arguments, logging, dispatch, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    allo::cli::main()
}
