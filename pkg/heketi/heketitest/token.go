package heketitest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// authenticated refuses the requests that Heketi refuses (heketi: middleware/jwt.go).
func (s *Server) authenticated(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := s.refuse(r); refusal != "" {
			http.Error(w, refusal, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) refuse(r *http.Request) string {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()

	token := strings.TrimPrefix(r.Header.Get("Authorization"), "bearer ")
	signed, signature, ok := cutLast(token, ".")
	_, payload, _ := strings.Cut(signed, ".")
	if !ok {
		return "Required authorization token not found"
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != signature {
		return "Invalid JWT token: signature is invalid (client and server secrets may not match)"
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
		Request string `json:"qsh"`
	}
	raw, _ := base64.RawURLEncoding.DecodeString(payload)
	if err := json.Unmarshal(raw, &claims); err != nil {
		return "Invalid JWT token: " + err.Error()
	}
	now := time.Now().Unix()
	request := sha256.Sum256([]byte(r.Method + "&" + r.URL.Path))
	switch {
	case claims.Issuer != "admin":
		return "Invalid JWT token: Unknown user"
	case claims.Expires < now:
		return "Invalid JWT token: Token is expired by 1m"
	case claims.Issued > now+120:
		return "Invalid JWT token: Token used before issued (client and server clocks may differ)"
	case claims.Request != hex.EncodeToString(request[:]):
		return "Invalid qsh claim in token"
	}
	return ""
}

func cutLast(s, separator string) (before, after string, found bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
