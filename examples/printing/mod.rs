//! Standard output for the examples, which end quietly where nobody reads it to the end, as under `head`.

use std::io::{self, ErrorKind, Write};

/// Calls `print` with standard output.
pub fn to_stdout(print: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    match print(&mut io::stdout().lock()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
