//! A fence of two halves: between the stores and the loads around a light one and those around a heavy one, it
//! is as if both were full fences.
//!
//! The light one only keeps the compiler from moving things. The heavy one has the system run a full fence on all
//! threads of the process that run at that moment; those that do not have run one when they were taken off. On
//! Linux that is `membarrier(2)`. Elsewhere there is none.

use std::sync::OnceLock;
use std::sync::atomic::{Ordering, compiler_fence};

/// Whether the heavy half is there, so that the light one may be relied on. Asking the system costs little.
#[cold]
pub(super) fn exists() -> bool {
    static EXISTS: OnceLock<bool> = OnceLock::new();
    *EXISTS.get_or_init(system::has_fence)
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
    if !(*IS_REGISTERED.get_or_init(system::register) && system::fence()) {
        std::process::abort();
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::ptr;

    const REGISTER: libc::c_int = libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    const FENCE: libc::c_int = libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED;

    /// The commands that there are, as bits; negative where there is no such call.
    pub(super) fn has_fence() -> bool {
        let commands = libc::c_long::from(REGISTER | FENCE);
        let known = membarrier(libc::MEMBARRIER_CMD_QUERY);
        known >= 0 && known & commands == commands
    }

    pub(super) fn register() -> bool {
        membarrier(REGISTER) == 0
    }

    pub(super) fn fence() -> bool {
        membarrier(FENCE) == 0
    }

    fn membarrier(command: libc::c_int) -> libc::c_long {
        let (flags, cpu): (libc::c_uint, *const ()) = (0, ptr::null());
        // SAFETY: three integers, and no memory that the system reads or writes.
        unsafe { libc::syscall(libc::SYS_membarrier, command, flags, cpu) }
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
