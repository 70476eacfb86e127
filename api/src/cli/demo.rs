//! Demo data of our own making, for `buoy serve --demo`.

use std::sync::Arc;

use domain::runtime::App;

use crate::node::CannotStart;

/// The password of every demo account.
pub const PASSWORD: &str = "buoy-demo";

/// The accounts that a visitor may sign in with.
pub fn sign_ins() -> Vec<String> {
    let agents = (1..=5).map(|n| format!("agent{n}@demo.test"));
    let others = ["admin", "supervisor", "pm", "requester"].map(|name| format!("{name}@demo.test"));
    agents.chain(others).collect()
}

pub fn welcome() -> String {
    format!("Demo data. Sign in as {} — the password is {PASSWORD}", sign_ins().join(", "))
}

pub async fn fill(_app: &Arc<App>) -> Result<(), CannotStart> {
    Ok(())
}
