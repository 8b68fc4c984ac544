package TLSServer;

# A Sink behind TLS, with a wire that is tapped in front of it:
#
#   client -> tap, which notes every byte -> TLS -> Mail::Wire::Sink
#
#   my $server = TLSServer->new(protocol => 'lmtp', starttls => 1, plain_behind => "250 more\r\n", slow => 1);
#   host  port  sink  tapped (what went over the wire, both ways)
#
# starttls: LMTP in plain up to STARTTLS; plain_behind: bytes in plain behind its 220; slow: the wire has a few bytes at a time, so that
# records come in parts; silent: nothing comes back once TLS is there.

use strict;
use warnings;

use TLSTest;    # before what it looks for

use File::Temp ();
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::SSL ();
use Mail::Wire::Sink;
use POSIX ();
use ServerProcess;

sub new {
    my ($class, %option) = @_;
    tls_of('good');    # made here, so that whoever trusts the authority trusts this server
    my $self = bless { log => File::Temp->new }, $class;
    my $sink = $self->{sink} = Mail::Wire::Sink->new(protocol => $option{protocol} || 'lmtp', %{ $option{sink} || {} });
    my ($tls, $tap) = @$self{qw(tls tap)} = map { ServerProcess->new } 1, 2;
    $_->listen_on('ipv4') for $tls, $tap;
    $tls->start(sub { _serve($_[0], $sink, \%option) });
    $tap->start(sub { _tap($_[0], $tls->port, $self->{log}, \%option) }, keep => [ $self->{log} ]);
    return $self;
}

sub host { return '127.0.0.1' }
sub port { return $_[0]{tap}->port }
sub sink { return $_[0]{sink} }

sub tapped {
    my ($self) = @_;
    open my $fh, '<:raw', $self->{log}->filename or die "log: $!";
    local $/;
    return scalar <$fh>;
}

sub _serve {
    my ($listener, $sink, $option) = @_;
    local $SIG{CHLD} = 'IGNORE';
    while (accept my $client, $listener) {
        next if fork;
        _serve_one($client, $sink, $option);
        POSIX::_exit(0);
    }
    return;
}

sub _serve_one {
    my ($client, $sink, $option) = @_;
    my $back = IO::Socket::INET->new(PeerAddr => $sink->host, PeerPort => $sink->port) or die "sink: $!";
    if ($option->{starttls}) {
        scalar <$back>;    # the greeting, which the client has in plain
        _say($client, "220 plain\r\n");
        _line($client);
        _say($client, "250-plain\r\n250 STARTTLS\r\n");
        _line($client) =~ /\ASTARTTLS/ or return;
        _say($client, "220 go ahead\r\n" . (defined $option->{plain_behind} ? $option->{plain_behind} : ''));
    }
    IO::Socket::SSL->start_SSL($client, SSL_server => 1, %{ tls_of('good') }) or return;
    _relay($client, $back, $option->{silent});
    return;
}

sub _say { my ($client, $bytes) = @_; syswrite $client, $bytes; return }

# Not a byte behind it: that is TLS.
sub _line {
    my ($client) = @_;
    my $line = '';
    while (sysread $client, my $byte, 1) {
        $line .= $byte;
        last if $byte eq "\n";
    }
    return $line;
}

sub _relay {
    my ($client, $back, $silent) = @_;
    my $select = IO::Select->new($client, $back);
    while (1) {
        my @ready = $client->pending ? $client : $select->can_read;
        foreach my $from (@ready) {
            my $got = sysread $from, my $bytes, 65536;
            return if not $got;
            next if $silent;
            my $to = $from == $client ? $back : $client;
            for (my $put = 0; $put < $got;) { $put += syswrite($to, $bytes, $got - $put, $put) || return }
        }
    }
    return;
}

sub _tap {
    my ($listener, $port, $log, $option) = @_;
    my $select = IO::Select->new($listener);
    my %other;
    while (my @ready = $select->can_read) {
        foreach my $from (@ready) {
            if ($from == $listener) {
                accept my $client, $listener or next;
                my $server = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or die "tls: $!";
                @other{ $client, $server } = ($server, $client);
                $select->add($client, $server);
                next;
            }
            my $to = $other{$from} or next;
            my $got = sysread $from, my $bytes, 65536;
            if (not $got) {
                $select->remove($from, $to);
                close $_ for $from, $to;
                delete @other{ $from, $to };
                next;
            }
            syswrite $log, $bytes;
            my $step = $option->{slow} ? 700 : $got;
            for (my $put = 0; $put < $got;) { $put += syswrite($to, $bytes, $step, $put) || last }
        }
    }
    return;
}

1;
