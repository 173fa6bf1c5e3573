//! Wakes a thread that waits in `poll`.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Wakes the other end.
pub(super) struct Waker(UnixStream);

/// Becomes readable when woken.
pub(super) struct Woken(UnixStream);

pub(super) fn wake_pair() -> io::Result<(Waker, Woken)> {
    let (waker, woken) = UnixStream::pair()?;
    waker.set_nonblocking(true)?;
    woken.set_nonblocking(true)?;
    Ok((Waker(waker), Woken(woken)))
}

impl Waker {
    pub(super) fn wake(&self) {
        // A full buffer wakes as well.
        let _ = (&self.0).write(&[0]);
    }
}

impl Woken {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Readable only when woken again.
    pub(super) fn clear(&mut self) {
        let mut buffer = [0; 1024];
        while self.0.read(&mut buffer).is_ok_and(|length| length == buffer.len()) {}
    }
}
