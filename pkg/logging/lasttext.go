package logging

// LastText is the text that was logged last, so that what lasts is logged once.
type LastText string

// IsNew reports whether text is to be logged: it is another text than the last one, which it replaces. After "", which is
// never logged, the next text is new.
func (l *LastText) IsNew(text string) bool {
	last := *l
	*l = LastText(text)
	return text != "" && text != string(last)
}

// IsNewError is IsNew for the text of an error; nil is "".
func (l *LastText) IsNewError(err error) bool {
	if err == nil {
		return l.IsNew("")
	}
	return l.IsNew(err.Error())
}
