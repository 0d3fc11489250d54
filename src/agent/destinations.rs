//! From the configuration of destinations to what delivery needs of them.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use crate::clock::Clock;
use crate::config::{Config, DestinationConfig, DestinationSettings, WecomSettings};
use crate::delivery::Spec;
use crate::journal::{DestinationId, JournalError};
use crate::wecom::{App, AppSettings, BaseUrl, ClientClock, HttpSettings, Proxy};

/// Why a destination cannot be served although the configuration was checked.
#[derive(Debug, thiserror::Error)]
#[error("destination {name}: {why}")]
pub struct DestinationError {
    name: String,
    why: String,
}

/// The destinations, one app for each.
pub(super) fn specs(
    config: &Config,
    known: &HashMap<String, DestinationId>,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<Spec>, DestinationError> {
    let clock = ClientClock::new(clock.clone(), config.clock.time_hosts.clone());
    config.destinations.iter().map(|destination| spec(destination, known, &clock)).collect()
}

fn spec(
    destination: &DestinationConfig,
    known: &HashMap<String, DestinationId>,
    clock: &ClientClock,
) -> Result<Spec, DestinationError> {
    let name = destination.name.to_string();
    let failed = |why: String| DestinationError { name: destination.name.to_string(), why };
    let id = known.get(&name).copied().ok_or_else(|| failed("it was not registered: a defect of punchd".to_owned()))?;
    match &destination.settings {
        DestinationSettings::Wecom(settings) => {
            let app = Arc::new(App::new(app(settings, clock).map_err(failed)?));
            Ok(Spec { settle: settings.settle, confirm_after: settings.confirm_after, ..Spec::new(id, name, app) })
        }
    }
}

fn app(settings: &WecomSettings, clock: &ClientClock) -> Result<AppSettings, String> {
    let base_url = BaseUrl::parse(&settings.base_url).map_err(|error| error.to_string())?;
    let proxy = settings.proxy.as_ref().map(|proxy| Proxy::new(&proxy.url, proxy.login.clone())).transpose();
    let proxy = proxy.map_err(|error| error.to_string())?;
    Ok(AppSettings {
        http: HttpSettings {
            base_url,
            proxy,
            extra_ca: settings.ca_file.clone(),
            clock: Some(clock.clone()),
            ..HttpSettings::default()
        },
        writes_per_minute: settings.calls_per_minute,
        ..AppSettings::new(settings.corp_id.clone(), settings.secret.clone())
    })
}

/// The numbers of all destinations by name.
pub(super) fn destination_ids(sql: &Connection) -> Result<HashMap<String, DestinationId>, JournalError> {
    let mut select = sql.prepare("SELECT name, destination FROM destination WHERE active = 1")?;
    Ok(select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?)
}
