//! Errors of the configuration as failures of a command.

use crate::{
    api::code::{ErrorCode, Failure},
    node::config::{AddressError, DbFormError},
    telemetry::LogError,
};

impl From<DbFormError> for Failure {
    fn from(e: DbFormError) -> Self {
        Self::new(ErrorCode::Usage, format!("--db: {e}"))
    }
}

impl From<AddressError> for Failure {
    fn from(e: AddressError) -> Self {
        Self::new(ErrorCode::Usage, e.to_string())
    }
}

impl From<LogError> for Failure {
    fn from(e: LogError) -> Self {
        Self::new(ErrorCode::ConfigBadValue, e.to_string())
            .hint("for example RUST_LOG=info,animica_p2p=debug")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::config::ConfigError;

    #[test]
    fn every_configuration_error_is_in_the_table_with_exit_code_3() {
        let samples = [
            ConfigError::NoHome,
            ConfigError::Invalid(Vec::new()),
            ConfigError::Unreadable {
                path: "x".into(),
                reason: "gone".to_owned(),
            },
            ConfigError::Syntax {
                path: "x".into(),
                line: 1,
                column: 1,
                format: "TOML",
                message: String::new(),
                hint: None,
            },
            ConfigError::UnknownKey {
                key: "k".to_owned(),
                origin: crate::node::config::Origin::Default,
                suggestion: None,
            },
            ConfigError::BadValue {
                key: "k".to_owned(),
                origin: crate::node::config::Origin::Default,
                message: String::new(),
            },
        ];
        for e in samples {
            assert!(ErrorCode::parse(e.code()).is_some(), "{}", e.code());
            assert_eq!(Failure::from(e).code.exit(), 3);
        }
    }
}
