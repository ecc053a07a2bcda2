//! The connection of whoever controls a call.

#[path = "../../src/serve/live/control/orders.rs"]
pub mod orders;
#[path = "../../src/serve/live/control/wire.rs"]
pub mod wire;
