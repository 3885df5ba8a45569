mod case;
mod operators;
