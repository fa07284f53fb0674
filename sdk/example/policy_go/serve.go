package main

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	plugin "madoguchi/plugin/v1"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// What sdk/plugin does for C++, in Go: any plugin can take this file as it is.

const contractVersion = 1

// common is the service that every plugin has, whatever its kind.
type common struct {
	name string
	kind plugin.Kind
	// start is told the settings that plugin.textproto declares; nil where there are none.
	start func(settings map[string][]byte) error
}

func (c *common) Hello(_ context.Context, request *plugin.HelloRequest) (*plugin.HelloReply, error) {
	for _, version := range request.HostVersion {
		if version == contractVersion {
			return &plugin.HelloReply{Version: version, Name: c.name, Kind: c.kind}, nil
		}
	}
	return nil, status.Error(codes.FailedPrecondition,
		"this plugin speaks version 1 of the contract; the host does not")
}

func (c *common) Start(_ context.Context, request *plugin.StartRequest) (*plugin.StartReply, error) {
	if c.start != nil {
		if err := c.start(request.Setting); err != nil {
			return nil, status.Error(codes.InvalidArgument, err.Error())
		}
	}
	return &plugin.StartReply{}, nil
}

func (c *common) Health(context.Context, *plugin.HealthRequest) (*plugin.HealthReply, error) {
	return &plugin.HealthReply{}, nil
}

// serve answers on file descriptor 3 until the host is gone, and returns the exit status.
func serve(c *common, register func(*grpc.Server)) int {
	conn, err := net.FileConn(os.NewFile(3, "service"))
	if err != nil {
		os.Stderr.WriteString(c.name + " is a plugin: madoguchid starts it, with a socket as fd 3\n")
		return 64
	}
	syscall.Close(3) // FileConn has made its own.
	server := grpc.NewServer()
	plugin.RegisterPluginServer(server, c)
	register(server)
	host := &hostListener{conn: conn, gone: make(chan struct{})}
	go server.Serve(host)
	<-host.gone
	return 0 // Whatever a call still does, nobody waits for it.
}

// hostListener has one connection, which is there already.
type hostListener struct {
	conn  net.Conn
	taken bool
	once  sync.Once
	gone  chan struct{}
}

func (l *hostListener) Accept() (net.Conn, error) {
	if !l.taken {
		l.taken = true
		return &hostConn{l.conn, l}, nil
	}
	<-l.gone
	return nil, io.EOF
}
func (l *hostListener) Close() error   { return nil }
func (l *hostListener) Addr() net.Addr { return l.conn.LocalAddr() }

// hostConn tells its listener when the host is gone.
type hostConn struct {
	net.Conn
	listener *hostListener
}

func (c *hostConn) Read(bytes []byte) (int, error) {
	n, err := c.Conn.Read(bytes)
	if err != nil {
		c.listener.once.Do(func() { close(c.listener.gone) })
	}
	return n, err
}

func (c *hostConn) Close() error {
	c.listener.once.Do(func() { close(c.listener.gone) })
	return c.Conn.Close()
}
