use super::{METHODS, Method};
use crate::config::{did_you_mean, excerpt, nearest};

/// No method has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no method {name:?}{}; there are: {}", did_you_mean(.nearest), names().join(", "))]
pub struct UnknownMethod {
    /// The name that was given.
    pub name: String,
    /// The names most similar to it.
    pub nearest: Vec<&'static str>,
}

fn names() -> Vec<&'static str> {
    METHODS.iter().map(|method| method.name).collect()
}

/// The method called `name`. Case, `-` and `_` do not count, and `++` may be written `pp`,
/// `plusplus`, or as two blanks at the end, which is what a query string makes of `++`.
///
/// # Errors
/// [`UnknownMethod`].
pub fn find_method(name: &str) -> Result<&'static Method, UnknownMethod> {
    let wanted = normalized(name);
    let found = METHODS.iter().find(|method| normalized(method.name) == wanted);
    found.ok_or_else(|| UnknownMethod {
        name: excerpt(name),
        nearest: nearest(name, METHODS.iter().map(|method| method.name)),
    })
}

/// The spelling by which names are compared.
fn normalized(name: &str) -> String {
    let name = match name.strip_suffix("  ") {
        Some(stem) => format!("{stem}++"),
        None => name.to_owned(),
    };
    let name = name.to_lowercase().replace(['-', '_'], "");
    name.replace("plusplus", "++").replace("++", "pp")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_do_not_count() {
        for name in ["gradcam", "GradCAM", "grad-cam", "Grad_Cam", "GRAD-CAM"] {
            assert_eq!(find_method(name).map(|method| method.name), Ok("gradcam"), "{name}");
        }
    }

    #[test]
    fn gradcam_plus_plus_never_means_plain_gradcam() {
        for name in ["gradcam  ", "gradcam++", "gradcampp", "grad_cam_plus_plus", "GradCAM++"] {
            let found = find_method(name).map(|method| method.name);
            assert_ne!(found, Ok("gradcam"), "{name:?}");
            assert_eq!(normalized(name), "gradcampp", "{name:?}");
        }
    }

    #[test]
    fn the_error_for_an_unknown_name_lists_the_methods() {
        let error = find_method("hirescan").unwrap_err();
        assert_eq!(error.nearest[0], "hirescam");
        let text = error.to_string();
        assert!(METHODS.iter().all(|method| text.contains(method.name)), "{text}");
    }

    #[test]
    fn no_two_methods_have_spellings_of_one_name() {
        for (index, method) in METHODS.iter().enumerate() {
            let is_same = |other: &Method| normalized(other.name) == normalized(method.name);
            assert!(!METHODS[..index].iter().any(is_same), "{}", method.name);
        }
    }
}
