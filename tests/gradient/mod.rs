mod case;
mod documentation;
mod networks;
mod operators;
