//! Which door of the server a terminal knocks at: the path, tolerantly (facts/terminals.md B.1).

/// What a path under `/iclock/` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Handshake (GET) and uploads (POST).
    Cdata,
    /// Photos of older firmware.
    Fdata,
    /// Poll for commands.
    GetRequest,
    /// Results of commands.
    DeviceCmd,
    /// Sign of life during large uploads.
    Ping,
    /// Registration of the security dialect.
    Registry,
    /// Settings of the security dialect.
    Push,
    /// Answers to queries of the security dialect.
    QueryData,
    /// The time for the security dialect.
    RtData,
}

impl Door {
    /// Letter case, `.aspx` and slashes at the end do not matter; real firmware differs in all three.
    pub fn of(path: &str) -> Option<Self> {
        let path = path.to_ascii_lowercase();
        let name = path.trim_start_matches('/').strip_prefix("iclock/")?.trim_matches('/');
        match name.strip_suffix(".aspx").unwrap_or(name) {
            "cdata" => Some(Self::Cdata),
            "fdata" => Some(Self::Fdata),
            "getrequest" => Some(Self::GetRequest),
            "devicecmd" => Some(Self::DeviceCmd),
            "ping" => Some(Self::Ping),
            "registry" => Some(Self::Registry),
            "push" => Some(Self::Push),
            "querydata" => Some(Self::QueryData),
            "rtdata" => Some(Self::RtData),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_ways_to_write_a_path_lead_to_the_same_door() {
        for path in ["/iclock/cdata", "/iclock/cdata.aspx", "/iclock/cdata/", "/IClock/CData.aspx/", "//iclock/cdata"] {
            assert_eq!(Door::of(path), Some(Door::Cdata), "{path}");
        }
        for path in ["/", "/iclock", "/iclock/", "/cdata", "/iclock/exchange", "/iclock/cdata/x"] {
            assert_eq!(Door::of(path), None, "{path}");
        }
    }
}
