package logging

// LastText is the text of the last call of IsNew. With it, a component logs a lasting problem only once. Use one LastText for each
// problem, and do not use it concurrently. The zero value is ready.
type LastText string

// IsNew reports whether text should be logged, because it differs from the text of the last call. The text "" means that there is
// no problem: it is never logged, and after it every text is new.
func (l *LastText) IsNew(text string) bool {
	last := *l
	*l = LastText(text)
	return text != "" && text != string(last)
}

// IsNewError is like IsNew, for the text of an error; nil counts as "".
func (l *LastText) IsNewError(err error) bool {
	if err == nil {
		return l.IsNew("")
	}
	return l.IsNew(err.Error())
}
