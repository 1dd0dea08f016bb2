// Sends what CALLS.json holds by Segment's Go library, as a customer's own program would.
//
//	senders HOST KEY CALLS.json
//
// Exit code 1 if the library gave up on anything. Its log, with the status of each answer, goes to stderr.
package main

import (
	"encoding/json"
	"log"
	"os"
	"sync"
	"time"

	"gopkg.in/segmentio/analytics-go.v3"
)

type call struct {
	Type, UserId, Event, Name, GroupId, PreviousId string
	Traits, Properties                             map[string]interface{}
}

// counter tells when all messages have been taken or given up.
type counter struct {
	left   sync.WaitGroup
	failed int32
	mutex  sync.Mutex
}

func (c *counter) Success(analytics.Message) { c.left.Done() }

func (c *counter) Failure(_ analytics.Message, err error) {
	log.Print("given up: ", err)
	c.mutex.Lock()
	c.failed++
	c.mutex.Unlock()
	c.left.Done()
}

func message(c call) analytics.Message {
	switch c.Type {
	case "identify":
		return analytics.Identify{UserId: c.UserId, Traits: c.Traits}
	case "page":
		return analytics.Page{UserId: c.UserId, Name: c.Name, Properties: c.Properties}
	case "screen":
		return analytics.Screen{UserId: c.UserId, Name: c.Name, Properties: c.Properties}
	case "group":
		return analytics.Group{UserId: c.UserId, GroupId: c.GroupId, Traits: c.Traits}
	case "alias":
		return analytics.Alias{UserId: c.UserId, PreviousId: c.PreviousId}
	default:
		return analytics.Track{UserId: c.UserId, Event: c.Event, Properties: c.Properties}
	}
}

func main() {
	text, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	var calls []call
	if err := json.Unmarshal(text, &calls); err != nil {
		log.Fatal(err)
	}
	done := &counter{}
	client, err := analytics.NewWithConfig(os.Args[2], analytics.Config{
		Endpoint:  os.Args[1],
		BatchSize: 10,
		Interval:  100 * time.Millisecond,
		Callback:  done,
		Verbose:   true,
		Logger:    analytics.StdLogger(log.New(os.Stderr, "", 0)),
		// By its defaults it gives up after half a minute.
		RetryAfter: func(int) time.Duration { return 2 * time.Second },
	})
	if err != nil {
		log.Fatal(err)
	}
	done.left.Add(len(calls))
	for _, each := range calls {
		if err := client.Enqueue(message(each)); err != nil {
			log.Fatal(err)
		}
	}
	// Close drops what is being retried.
	done.left.Wait()
	client.Close()
	if done.failed > 0 {
		os.Exit(1)
	}
}
