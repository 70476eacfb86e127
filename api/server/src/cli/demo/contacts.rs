//! A writer without an account, whose ticket waits for an answer.

use std::sync::Arc;

use domain::kernel::{Actor, minutes};
use domain::notifications::commands::bind_contact;
use domain::notifications::model::Channel;
use domain::people::commands::create_contact;
use domain::people::queries::person;
use domain::runtime::{App, Command as _, Ctx};
use domain::tickets::model::{AddComment, ChaseTicket, CreateTicket, Priority, Visibility};

use crate::node::StartupError;

/// Somebody reports a fault by the public form and asks again on the page of their link.
pub(super) async fn write(app: &Arc<App>) -> Result<(), StartupError> {
    let cx = Ctx { channel: "web", ..Ctx::system(app) };
    let mut tx = cx.begin().await?;
    let contact = create_contact(&mut tx, "张敏 13800000000", None).await?;
    bind_contact(&tx, contact, Channel::Web, "").await?;
    let create = CreateTicket {
        title: "5 号包装机 PM-3300 停机".to_owned(),
        description: "5 号包装机 PM-3300 停机，报警 E-733，电源模块有异响。".to_owned(),
        priority: Priority::High,
        issue_type: None,
        product: None,
        device: None,
        customer_key: None,
        requester_email: None,
        requester: Some(contact),
        required_skills: Vec::new(),
        external_refs: Vec::new(),
        at: Some(app.now() - minutes(25)),
    };
    let ticket = create.run(&mut tx).await?;
    tx.commit().await?;
    let person = person(app, contact).await?.ok_or_else(|| StartupError("the contact cannot act".to_owned()))?;
    let cx = Ctx { actor: Actor::Person(Arc::new(person)), ..cx };
    let body = "还没有人来，什么时候到？".to_owned();
    cx.execute(&AddComment { ticket, body, visibility: Visibility::Public, mentions: Vec::new() }, None).await?;
    cx.execute(&ChaseTicket { ticket }, None).await?;
    Ok(())
}
