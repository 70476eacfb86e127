//! Public facts about the installation.

/// The accounts of demo mode.
#[derive(Clone, Debug)]
pub struct DemoAccounts {
    pub emails: Vec<String>,
    pub password: String,
}

/// Public facts about the installation, readable before sign-in.
#[derive(Clone, Debug)]
pub struct About {
    /// The accounts of demo mode; `None` outside demo mode.
    pub demo: Option<DemoAccounts>,
    pub time_zone: String,
    pub web_push_key: Option<String>,
}
