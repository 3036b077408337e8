//! A fence of two halves: between the stores and the loads around a light one and those around a heavy one, it
//! is as if both were full fences.
//!
//! The light one only keeps the compiler from moving things. The heavy one has the system run a full fence on all
//! threads of the process that run at that moment; those that do not have run one when they were taken off. On
//! Linux that is `membarrier(2)`, on the processors of which its number is known here. Elsewhere there is none.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence};

/// What is asked of the system once: of one type, so that asking is compiled once.
type Ask = fn() -> bool;

/// Whether the heavy half is there, so that the light one may be relied on. Asking the system costs little.
#[cold]
pub(super) fn exists() -> bool {
    static EXISTS: OnceLock<bool> = OnceLock::new();
    *EXISTS.get_or_init(system::has_fence as Ask)
}

#[inline]
pub(super) fn light() {
    compiler_fence(Ordering::SeqCst);
}

/// The first one in a process with several threads may take ten milliseconds, because the system is told then that
/// the process uses it: a process in which no two threads meet never pays for that.
#[cold]
pub(super) fn heavy() {
    static IS_REGISTERED: OnceLock<bool> = OnceLock::new();
    // There is no way on: somebody may be where only one may be.
    if !(*IS_REGISTERED.get_or_init(system::register as Ask) && system::fence()) {
        std::process::abort();
    }
}

/// The numbers are from the manual page and from Linux's tables of calls. The crate `libc` has them as well; for one
/// call, it was a fifteenth of what this crate takes to compile with all that it depends on.
#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::ffi::{c_int, c_long, c_uint};

    unsafe extern "C" {
        /// Of the system's C library, which the standard library links. It takes as many arguments as the call.
        fn syscall(number: c_long, ...) -> c_long;
    }

    /// The number of the call, where it is known. What has a processor's registers and half its addresses has numbers of
    /// its own.
    const MEMBARRIER: Option<c_long> = if cfg!(not(target_pointer_width = "64")) {
        None
    } else if cfg!(target_arch = "x86_64") {
        Some(324)
    } else if cfg!(any(
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    )) {
        Some(283)
    } else {
        None
    };

    /// `MEMBARRIER_CMD_QUERY`.
    const QUERY: c_int = 0;
    /// `MEMBARRIER_CMD_PRIVATE_EXPEDITED`.
    const FENCE: c_int = 1 << 3;
    /// `MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED`.
    const REGISTER: c_int = 1 << 4;

    /// The commands that there are, as bits; negative where there is no such call.
    pub(super) fn has_fence() -> bool {
        let commands = c_long::from(REGISTER | FENCE);
        let known = membarrier(QUERY);
        known >= 0 && known & commands == commands
    }

    pub(super) fn register() -> bool {
        membarrier(REGISTER) == 0
    }

    pub(super) fn fence() -> bool {
        membarrier(FENCE) == 0
    }

    fn membarrier(command: c_int) -> c_long {
        let Some(number) = MEMBARRIER else { return -1 };
        let (flags, cpu): (c_uint, c_int) = (0, 0);
        // SAFETY: three integers, and no memory that the system reads or writes.
        unsafe { syscall(number, command, flags, cpu) }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(super) fn has_fence() -> bool {
        false
    }

    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn fence() -> bool {
        false
    }
}
