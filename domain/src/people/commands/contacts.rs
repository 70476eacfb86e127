//! Contacts: writers without an account. A channel proved their address, so what they write has an author who hears of it.

use crate::kernel::text::{NAME_CHARS_MAX, email};
use crate::kernel::{Result, Role, UserId, boxed};
use crate::people::model::{CONTACT_DOMAIN, CreateUser, PeopleEvent, User};
use crate::people::store::{self, UserChange};
use crate::runtime::Tx;

/// Creates a contact. `address`: the proved e-mail address, if their channel is e-mail.
#[boxed]
pub async fn create_contact(tx: &mut Tx, name: &str, address: Option<&str>) -> Result<UserId> {
    let id = UserId(tx.new_uuid());
    let address = match address {
        Some(address) => email("sender", address)?,
        None => format!("{id}@{CONTACT_DOMAIN}"),
    };
    let user = User {
        id,
        name: contact_name(name, &address),
        email: address,
        roles: vec![Role::Requester],
        teams: Vec::new(),
        skills: Vec::new(),
        products: Vec::new(),
        customer: None,
        supervisor: None,
        disabled_at: None,
        is_contact: true,
    };
    store::insert_user(tx.conn(), user, tx.now).await?;
    tx.record(PeopleEvent::ContactCreated { user: id }).await?;
    Ok(id)
}

/// Takes the e-mail address from a contact: somebody with an account proved that it is theirs.
pub async fn release_contact_address(tx: &mut Tx, contact: UserId) -> Result<()> {
    let change = UserChange { email: Some(format!("{contact}@{CONTACT_DOMAIN}")), ..UserChange::default() };
    store::update_user(tx.conn(), contact, change).await?;
    tx.record(PeopleEvent::UserChanged { user: contact, fields: vec!["email".to_owned()] }).await
}

/// What a writer calls themselves, in one line; their address if that is empty.
fn contact_name(given: &str, address: &str) -> String {
    let line: String = given.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let name = if line.trim().is_empty() { address } else { line.trim() };
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// Makes a contact the account that an administrator creates for its address. It keeps its tickets.
pub(super) async fn promote_contact(tx: &mut Tx, contact: &User, account: &CreateUser, of: User) -> Result<UserId> {
    let User { id: _, email: _, name, roles, teams, skills, products, customer, supervisor, .. } = of;
    let change = UserChange {
        name: Some(name),
        roles: Some(roles),
        customer,
        supervisor,
        is_contact: Some(false),
        ..UserChange::default()
    };
    store::update_user(tx.conn(), contact.id, change).await?;
    store::replace_teams(tx.conn(), contact.id, &teams).await?;
    super::set_skills(tx, contact.id, &skills).await?;
    store::replace_products(tx.conn(), contact.id, products).await?;
    tx.record(PeopleEvent::UserCreated { user: contact.id, roles: account.roles.clone() }).await?;
    Ok(contact.id)
}
