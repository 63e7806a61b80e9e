package ps

// Stream is the number of an output stream.
type Stream byte

// The streams.
const (
	StreamOutput      Stream = 1
	StreamError       Stream = 2
	StreamWarning     Stream = 3
	StreamVerbose     Stream = 4
	StreamDebug       Stream = 5
	StreamInformation Stream = 6
)
