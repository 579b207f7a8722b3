//! Linking the crate exports its C functions.

extern crate krun;

/// Returns 1: a VM may start before its gateway listens (krun-devices/net_connect.patch).
#[no_mangle]
pub extern "C" fn smolvm_waits_for_network() -> i32 {
    1
}
