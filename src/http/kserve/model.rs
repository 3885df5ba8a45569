use std::sync::Arc;

use crate::http::app_state::AppState;
use crate::service::{Classifier, ServiceError};

/// The model called `name`. The default model is also called by the name of `--model_name`, unless
/// a loaded model has this name.
///
/// # Errors
/// [`ServiceError::UnknownModel`].
pub(super) fn find_model(state: &AppState, name: &str) -> Result<Arc<Classifier>, ServiceError> {
    let models = state.context.models.current();
    let found = models.get(Some(name));
    let default = models.default_model().filter(|_| state.model_name.as_deref() == Some(name));
    match (found, default) {
        (Err(_), Some(default)) => models.get(Some(default)).cloned(),
        (found, _) => found.cloned(),
    }
}

/// Every name that [`find_model`] knows.
pub(super) fn model_names(state: &AppState) -> Vec<String> {
    let models = state.context.models.current();
    let mut names: Vec<String> =
        models.iter().map(|classifier| classifier.name().to_owned()).collect();
    let alias = state.model_name.iter().filter(|_| models.default_model().is_some());
    names.extend(alias.filter(|alias| models.get(Some(alias)).is_err()).cloned());
    names
}
