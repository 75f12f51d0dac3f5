package logging

// LastText is the last logged text, so that a lasting problem is logged once.
type LastText string

// IsNew reports whether text should be logged: it differs from the last text, which it replaces. "" is never logged, and after it
// the next text is new.
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
