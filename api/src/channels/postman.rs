//! Calls the endpoints that partners give: guarded, without redirects, and no answer is read beyond its head.

use std::sync::Arc;

use domain::hub::model::{Answered, Letter, Postman};
use domain::runtime::jobs::Outcome;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Url};

use super::outgoing::{Guard, unsent};

pub fn postman(guard: &Guard) -> Postman {
    let (client, guarding) = (guard.client(), guard.clone());
    let guard = guard.clone();
    Postman {
        permits: Arc::new(move |url| {
            let url = Url::parse(url).map_err(|e| format!("it is no address ({e})"))?;
            guarding.permits(&url)
        }),
        post: Arc::new(move |letter| {
            let (client, guard) = (client.clone(), guard.clone());
            Box::pin(async move { post(&client, &guard, letter).await })
        }),
    }
}

async fn post(client: &Client, guard: &Guard, letter: Letter) -> Answered {
    let Letter { url, headers, body } = letter;
    let nothing = |why: String| Answered::Nothing { why };
    let url = match Url::parse(&url) {
        Ok(url) => url,
        Err(e) => return nothing(format!("the address does not read: {e}")),
    };
    // Once more: what is allowed may have changed.
    if let Err(why) = guard.permits(&url) {
        return nothing(why);
    }
    let mut request = client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    match request.send().await {
        Ok(answer) => Answered::Status {
            code: answer.status().as_u16(),
            retry_after: answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()),
        },
        Err(error) => match unsent(error) {
            Outcome::Unknown { why } | Outcome::Later { why, .. } => nothing(why),
            _ => nothing("no answer".to_owned()),
        },
    }
}
