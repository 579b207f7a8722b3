//! Linking the crate exports its C functions.

extern crate krun;

/// Whether a VM may start before who gets its network's frames listens: krun-devices/net_connect.patch.
#[no_mangle]
pub extern "C" fn smolvm_waits_for_network() -> i32 {
    1
}
