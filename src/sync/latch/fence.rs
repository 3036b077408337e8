//! A fence of two halves: between the stores and the loads around a light one and those around a heavy one, it
//! is as if both were full fences.
//!
//! The light one only keeps the compiler from moving things. The heavy one has the system run a full fence on all
//! threads of the process that run at that moment; those that do not have run one when they were taken off. On
//! Linux that is `membarrier(2)`. Elsewhere there is none, and it is never set up.

use std::sync::atomic::{AtomicBool, Ordering, compiler_fence};

static IS_SET_UP: AtomicBool = AtomicBool::new(false);

/// Whether the heavy half works, so that the light one may be relied on.
#[inline]
pub(super) fn is_set_up() -> bool {
    IS_SET_UP.load(Ordering::Relaxed)
}

/// Tells the system that the process will use it, which may take ten milliseconds. `false` if there is none.
#[cold]
pub(super) fn set_up() -> bool {
    if !is_set_up() && system::register() {
        IS_SET_UP.store(true, Ordering::Relaxed);
    }
    is_set_up()
}

#[inline]
pub(super) fn light() {
    compiler_fence(Ordering::SeqCst);
}

#[cold]
pub(super) fn heavy() {
    // There is no way on: somebody may be where only one may be.
    if !system::fence() {
        std::process::abort();
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod system {
    use std::ptr;

    pub(super) fn register() -> bool {
        membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn fence() -> bool {
        membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    fn membarrier(command: libc::c_int) -> bool {
        let (flags, cpu): (libc::c_uint, *const ()) = (0, ptr::null());
        // SAFETY: three integers, and no memory that the system reads or writes.
        unsafe { libc::syscall(libc::SYS_membarrier, command, flags, cpu) == 0 }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod system {
    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn fence() -> bool {
        false
    }
}
