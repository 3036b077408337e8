//! The waker of a task: an integer, not an allocation.
//!
//! A waker's data pointer is never dereferenced. It carries 64 bits: which loop, which generation of which
//! slot of its task table. So a clone costs no count in shared memory, a waker is `Send` and `Sync` by
//! nature, and one that outlives its task or its loop names nothing and does nothing.
//!
//! Where a pointer has fewer than 64 bits the integer does not fit; there an `Arc` carries it.

use super::registry::LoopId;
use crate::kernel::{SLOT_BITS, SLOTS_MAX, TaskKey};

/// A task of some loop of this process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Address {
    pub(super) loop_id: LoopId,
    pub(super) task: TaskKey,
}

/// An address in one word.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct PackedAddress(u64);

impl Address {
    #[inline]
    pub(super) fn pack(self) -> PackedAddress {
        PackedAddress(u64::from(self.loop_id.0) << 48 | self.task.bits())
    }
}

const _: () = assert!(PackedAddress::NOBODY.0 << 16 >> 16 >> SLOT_BITS == SLOTS_MAX as u64);

impl PackedAddress {
    /// One that no task has: the highest slot is never given away. With all bits set it is a short number in code.
    pub(super) const NOBODY: PackedAddress = PackedAddress(u64::MAX);

    #[inline]
    pub(super) fn unpack(self) -> Address {
        Address { loop_id: LoopId((self.0 >> 48) as u16), task: TaskKey::from_bits(self.0) }
    }
}

#[cfg(target_pointer_width = "64")]
pub(super) use integer::{address, waker};
#[cfg(not(target_pointer_width = "64"))]
pub(super) use shared::{address, waker};

#[cfg(target_pointer_width = "64")]
mod integer {
    use std::mem::ManuallyDrop;
    use std::ptr;
    use std::task::{RawWaker, RawWakerVTable, Waker};

    use super::super::context;
    use super::{Address, PackedAddress};

    /// One static, so that its address tells our wakers from everybody else's.
    static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop);

    /// Makes the waker under which a task is polled.
    ///
    /// It is not counted among the clones that are held, so it must not be dropped as one.
    #[expect(unsafe_code, reason = "the one place where a waker is made of an integer")]
    pub(in super::super) fn waker(task: Address) -> ManuallyDrop<Waker> {
        let data = ptr::without_provenance(task.pack().0 as usize);
        // SAFETY: `Waker::new` asks that the table's functions keep the contract of `RawWakerVTable`. The
        // data is a plain number: none of the four functions dereferences it, so there is nothing to
        // allocate, to free, to alias or to outlive, and any number of threads may call them. `clone`
        // returns the same number with the same table; `wake` and `drop` have no resources to release.
        ManuallyDrop::new(unsafe { Waker::new(data, &VTABLE) })
    }

    /// The task behind a waker, if the waker is of our making.
    #[inline]
    pub(in super::super) fn address(waker: &Waker) -> Option<PackedAddress> {
        ptr::eq(waker.vtable(), &VTABLE).then(|| packed(waker.data()))
    }

    #[inline]
    fn packed(data: *const ()) -> PackedAddress {
        PackedAddress(data.addr() as u64)
    }

    fn unpack(data: *const ()) -> Address {
        packed(data).unpack()
    }

    fn clone(data: *const ()) -> RawWaker {
        context::count_waker(unpack(data), true);
        RawWaker::new(data, &VTABLE)
    }

    fn wake(data: *const ()) {
        wake_by_ref(data);
        context::count_waker(unpack(data), false);
    }

    fn wake_by_ref(data: *const ()) {
        if !context::wake_own(packed(data)) {
            context::wake(unpack(data));
        }
    }

    fn drop(data: *const ()) {
        context::count_waker(unpack(data), false);
    }
}

/// The same for narrow pointers. No address can be read back from such a waker, so timers and joins keep a
/// clone as they do for any foreign one; and clones are not counted, so no report says that none is held.
#[cfg(any(not(target_pointer_width = "64"), test))]
mod shared {
    #![cfg_attr(
        target_pointer_width = "64",
        allow(dead_code, reason = "compiled here only to be tested")
    )]

    use std::sync::Arc;
    use std::task::{Wake, Waker};

    use super::super::context;
    use super::{Address, PackedAddress};

    struct Shared(Address);

    impl Wake for Shared {
        fn wake(self: Arc<Self>) {
            if !context::wake_own(self.0.pack()) {
                context::wake(self.0);
            }
        }
    }

    pub(in super::super) fn waker(task: Address) -> Waker {
        // Clones of it are not seen, so one too many is counted: no report then says that there is none.
        context::count_waker(task, true);
        Waker::from(Arc::new(Shared(task)))
    }

    pub(in super::super) fn address(_: &Waker) -> Option<PackedAddress> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::GENERATION_MAX;

    #[test]
    fn an_address_survives_packing() {
        for (loop_id, slot, generation) in
            [(0, 0, 0), (u16::MAX, (1 << SLOT_BITS) - 1, GENERATION_MAX), (7, 9, 11)]
        {
            let address =
                Address { loop_id: LoopId(loop_id), task: TaskKey::new(slot, generation) };
            assert_eq!(address.pack().unpack(), address);
        }
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn only_our_own_wakers_have_an_address() {
        let task = Address { loop_id: LoopId(3), task: TaskKey::new(5, 8) };
        assert_eq!(address(&waker(task)), Some(task.pack()));
        assert_eq!(address(&waker(task).clone()), Some(task.pack()));
        assert_eq!(address(std::task::Waker::noop()), None);
        assert!(waker(task).will_wake(&waker(task)));
    }
}
