//! The tour, one of whose programs is among those that are drawn.

#[expect(dead_code, reason = "the others are not drawn")]
#[path = "../../../examples/asyncio_tour/programs.rs"]
pub mod programs;
