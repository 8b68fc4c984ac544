package Mail::Wire::Sink;

use strict;
use warnings;
use re 'taint';

use Carp qw(croak);
use File::Spec        ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use Socket qw(SOCK_STREAM SOMAXCONN);
use Time::HiRes ();

use Mail::Wire::Sink::Process ();
use Mail::Wire::Sink::Script  ();
use Mail::Wire::Sink::Server  ();
use Mail::Wire::Sink::TLS     ();
use Mail::Wire::Standard      ();

our $VERSION = '1.000';

my $SECONDS = qr/\A(?:[0-9]+\.?[0-9]*|\.[0-9]+)\z/;

my %LISTEN = ('127.0.0.1' => \&_listen_inet, '::1' => \&_listen_inet6);

sub new {
    my ($class, @options) = @_;
    croak 'Mail::Wire::Sink: options are pairs of a name and a value' if @options % 2;
    my %option = @options;
    my %place = map { $_ => delete $option{$_} } qw(address port path);
    utf8::downgrade($place{path}, 1) if defined $place{path};
    my $protocol = lc(delete $option{protocol} || 'lmtp');
    croak "Mail::Wire::Sink: no protocol '$protocol', they are lmtp and qmtp" if $protocol !~ /\A(?:lmtp|qmtp)\z/;
    my $script   = Mail::Wire::Sink::Script->new(%option, protocol => $protocol);
    my $tls      = length $script->tls ? Mail::Wire::Sink::TLS->new : undef;
    my $listener = Mail::Wire::Standard::apart(sub { _listen(\%place) });
    $place{path} = _absolute($place{path}) if defined $place{path};
    my $self = bless {
        protocol => $protocol, messages => [], commands => [], errors => [], wake => [],
        port => defined $place{path} ? undef : $listener->sockport,
        path => $place{path}, address => $place{address},
        tls  => $tls, scheme => $protocol . ($script->tls eq 'implicit' ? 's' : ''),
    }, $class;
    $self->{inode}   = _inode($place{path});
    $self->{process} = $self->_start($listener, $script);
    return $self;
}

sub _start {
    my ($self, $listener, $script) = @_;
    my $parent = $$;
    return Mail::Wire::Sink::Process->start(sub {
        my ($control) = @_;
        Mail::Wire::Sink::Server->new(
            listener => $listener, control => $control, script => $script,
            protocol => $self->{protocol}, path => $self->{path}, parent => $parent, tls => $self->{tls},
        )->run;
        $self->_remove_path;
    });
}

# ---- where it listens

sub _listen {
    my ($place) = @_;
    my ($listener, $where);
    my $wrong = _wrong_place($place);
    croak "Mail::Wire::Sink: $wrong" if $wrong;
    if (defined $place->{path}) {
        $where    = $place->{path};
        $listener = IO::Socket::UNIX->new(Type => SOCK_STREAM, Local => $where, Listen => SOMAXCONN);
    }
    else {
        $where = $place->{address} = '127.0.0.1' if !defined $place->{address};
        $where = $place->{address};
        $listener = $LISTEN{$where}->($where, $place->{port} || 0);
    }
    return $listener || croak "Mail::Wire::Sink: can't listen on $where: $!";
}

# Not tainted: bind has taken the path that was given, and the folder in front of it is where we are.
sub _absolute {
    my ($path) = @_;
    no re 'taint';
    return File::Spec->rel2abs($path) =~ /\A(.*)\z/s ? $1 : $path;
}

# What is wrong with where it is to listen, '' if nothing.
sub _wrong_place {
    my ($place) = @_;
    my ($address, $port, $path) = @$place{qw(address port path)};
    if (defined $path) {
        my ($other) = grep { defined $place->{$_} } qw(address port);
        return $other ? "a path goes with no $other" : _is_socket_name($path) ? '' : "'$path' is no name for a socket";
    }
    return "$address is no loopback address, these are " . join ' and ', sort keys %LISTEN
        if defined $address && !$LISTEN{$address};
    return "port must be a number from 0 to 65535, not '$port'"
        if defined $port && ($port !~ /\A[0-9]{1,5}\z/ || $port > 65_535);
    return '';
}

# Socket cuts names that are too long.
sub _is_socket_name {
    my ($path) = @_;
    local ($@, $SIG{__WARN__}) = ('', sub { });
    my $name = eval { Socket::unpack_sockaddr_un(Socket::pack_sockaddr_un($path)) };
    return length $path && defined $name && $name eq $path;
}

sub _listen_inet {
    my ($address, $port) = @_;
    return IO::Socket::INET->new(
        LocalAddr => $address, LocalPort => $port, Proto => 'tcp', Listen => SOMAXCONN, ReuseAddr => 1);
}

sub _listen_inet6 {
    my ($address, $port) = @_;
    eval { require IO::Socket::IP; 1 } or croak 'Mail::Wire::Sink: ::1 needs IO::Socket::IP';
    return IO::Socket::IP->new(
        LocalHost => $address, LocalPort => $port, Type => SOCK_STREAM, Listen => SOMAXCONN, ReuseAddr => 1);
}

sub _inode {
    my ($path) = @_;
    no warnings 'newline';    # older perls take one in a name for a forgotten chomp
    my @stat = defined $path ? stat $path : ();
    return @stat ? "$stat[0] $stat[1]" : '';
}

# By then the path may be another's.
sub _remove_path {
    my ($self) = @_;
    return if !$self->{inode} || _inode($self->{path}) ne $self->{inode};
    unlink $self->{path};
    return;
}

sub port { return $_[0]{port} }
sub path { return $_[0]{path} }
sub protocol { return $_[0]{protocol} }

# undef without TLS.
sub ca_file { return $_[0]{tls} && $_[0]{tls}->ca_file }

sub pid  { return $_[0]{process}->pid }

sub host {
    my ($self) = @_;
    return defined $self->{path} ? $self->{path} : $self->{address};
}

sub url {
    my ($self) = @_;
    return "$self->{scheme}://" . _escaped($self->{path}) if defined $self->{path};
    my $host = $self->{address} =~ /:/ ? "[$self->{address}]" : $self->{address};
    return "$self->{scheme}://$host:$self->{port}";
}

# A path as it stands in a URL (RFC 3986 3.3).
sub _escaped {
    my ($path) = @_;
    $path =~ s{([^A-Za-z0-9\-._~!\$&'()*+,;=:\@/])}{sprintf '%%%02X', ord $1}ge;
    return $path;
}

# ---- what it has seen

sub messages {
    my ($self) = @_;
    return @{ $self->_call('messages') };
}

# What wakes us next is sent behind the answer, so that it is not read with it.
sub take {
    my ($self) = @_;
    $self->_fetch('messages');
    @{ $self->{wake} } = ();
    $self->{process}->watch if $self->{process}->is_live;
    $self->_throw;
    return splice @{ $self->{messages} };
}

sub handle { return $_[0]{process}->handle }

sub commands {
    my ($self, $link) = @_;
    my $commands = $self->_call('commands');
    return map { $_->[1] } grep { !defined $link || $_->[0] == $link } @$commands;
}

# A message that is on its way comes to its end behind this, and is kept.
sub clear {
    my ($self) = @_;
    $self->_fetch($_) for qw(messages commands);
    @{ $self->{$_} } = () for qw(messages commands);
    return $self->_throw;
}

sub wait_for {
    my ($self, $count, $seconds) = @_;
    $count   = 1  if !defined $count;
    $seconds = 10 if !defined $seconds;
    croak "Mail::Wire::Sink: wait_for takes a number of messages, not '$count'" if $count !~ /\A[0-9]+\z/;
    croak "Mail::Wire::Sink: wait_for takes a number of seconds, not '$seconds'" if $seconds !~ $SECONDS;
    my $end = Time::HiRes::time() + $seconds;
    while (@{ $self->_call('messages') } < $count) {
        return 0 if !$self->{process}->is_live || Time::HiRes::time() >= $end;
        Time::HiRes::sleep(0.01);
    }
    return 1;
}

sub rules {
    my ($self, @rules) = @_;
    croak 'Mail::Wire::Sink: rules are pairs of a name and a value' if @rules % 2;
    my $problem = Mail::Wire::Sink::Script::rules_problem($self->{protocol}, @rules);
    croak "Mail::Wire::Sink: $problem" if $problem;
    croak 'Mail::Wire::Sink: the sink has been stopped' if $self->{process}->is_ours && !$self->{process}->is_live;
    $self->_call('rules', @rules);
    return;
}

# What comes of a request, and what rules have failed until then.
sub _call {
    my ($self, @request) = @_;
    my $got = $self->_fetch(@request);
    $self->_throw;
    return $got;
}

sub _throw {
    my ($self) = @_;
    my @errors = splice @{ $self->{errors} };
    croak join "\n", map { "Mail::Wire::Sink: $_" } @errors if @errors;
    return;
}

# The process hands over what is new and keeps nothing of it.
sub _fetch {
    my ($self, $what, @more) = @_;
    my $process = $self->{process};
    croak 'Mail::Wire::Sink: only the process that made a sink can ask it, in the thread that made it' if !$process->is_ours;
    my $done = !$process->is_live
        || $process->ask(sub { my ($kind, $value) = @_; push @{ $self->{$kind} }, $value }, $what, @more);
    croak "Mail::Wire::Sink: the sink's process has gone" if !$done;
    return $self->{$what};
}

sub stop {
    my ($self) = @_;
    return if !$self->{process}->is_live;
    eval { $self->_fetch($_) } for qw(messages commands);
    $self->_end;
    return $self->_throw;
}

sub _end {
    my ($self) = @_;
    $self->{process}->stop;
    $self->_remove_path;    # for a process that was killed
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($@, $!, $?);
    $self->_end if $self->{process} && $self->{process}->is_live;
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Sink - an LMTP and QMTP server inside your test or demo

=head1 SYNOPSIS

    use Mail::Wire::Sink;
    use IO::Socket::INET;

    my $sink = Mail::Wire::Sink->new(
        rcpt  => { 'nobody@example.org' => '550 5.1.1 No such user' },
        final => { 'full@example.org'   => '452 4.2.2 Mailbox full' },
    );

    # Any client will do; $sink->port and $sink->path say where.
    my $client = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $sink->port);
    print {$client} "LHLO me\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<full\@example.org>\r\n",
        "DATA\r\n", "Subject: hello\r\n\r\nHello.\r\n.\r\n", "QUIT\r\n";
    my @replies = <$client>;

    for my $message ($sink->messages) {
        printf "%d octets from <%s>\n", $message->{size}, $message->{from};
        printf "  %s: %s\n", $_->{address}, $_->{reply} for @{ $message->{recipients} };
    }
    $sink->stop;

=head1 DESCRIPTION

A mail server that accepts mail on loopback or on a UNIX socket, keeps it for
inspection, and delivers it nowhere.  It is for demos and for the test suites of
programs that send mail by LMTP (RFC 2033) or QMTP.  Without options it is a
correct server; by options it gives each recipient the reply that you want, and
breaks the protocol in the ways that real servers have been seen to.

The server is a child process, which serves any number of links at once.  It
ends with C<stop>, with the object, or with the process that made it, however
that ends.  A forked copy of that process neither stops it nor can ask it.
Nothing but modules of the perl core is needed.

A message is kept before its replies are sent, and C<messages> waits for the
child's answer, so a message whose reply the client has seen is always there.

=head1 CONSTRUCTOR

=head2 new(OPTIONS)

Listens, starts the child and returns the object.  Croaks on an unknown option,
a bad value, an option that the protocol has no use for, or when it can't listen
or fork.  undef is as if the option wasn't given.

=over

=item protocol

C<'lmtp'> (default) or C<'qmtp'>.

=item address, port, path

C<address> is C<'127.0.0.1'> (default) or C<'::1'>; C<port> is chosen by the
system when absent or 0.  With C<path>, in place of both, it is a UNIX socket, a
name that doesn't exist yet; the sink removes it at its end.

=item tls

C<'implicit'>: links begin with TLS.  C<'starttls'> (LMTP): STARTTLS is offered, but nobody has to ask for it. The
certificate, for C<localhost>, C<127.0.0.1> and C<::1>, is made on the spot and
lasts for a day; C<ca_file> says whom a client must trust. Needs IO::Socket::SSL.

=item discard

Keeps of each message's text its size and SHA-256 digest only.

=item store

    store => sub { my ($message) = @_; ...; return $path }

Code that is called in the child with each message (see L</messages>) before its final replies are sent. What it returns is the message's
C<stored>. Where it dies, those who were accepted are answered C<451 4.3.0 Not stored> (over QMTP Z), and the error is told as that of a rule is.

=item backlog

A number of octets, for programs that C<take> messages as they come: when so many wait to be taken, nothing more is read from links.
No command lines are kept then, and of a message no more than C<size>.

=item only_link

A link's number, counted from 1: the faults (see below) are for that link only.

=back

=head3 Replies

Each of these is one reply for all; or a hash from address to reply, with
C<'*'> for the addresses not in it; or a code reference that returns the reply.
A C<*> in a hash's key stands for any text, as in C<'*@bad.example'>: the address
itself goes before such patterns, and a longer one before a shorter.
Where a hash or a code reference has none (undef), the default is given.  Code
runs in the child: it keeps what it counts, but you don't see it change.

Code that dies, or that returns what is no reply, is answered 451 (over QMTP Z)
in its recipient's or command's place, and the next of C<messages>, C<take>, C<commands>,
C<clear>, C<wait_for>, C<rules> and C<stop> croaks with what was wrong.  Where none
of them is called any more, it is a warning at the sink's end.

=over

=item mail

Called with the sender and a hash of MAIL's parameters.

=item rcpt

Called with the recipient and a hash of RCPT's parameters.

=item final

The reply, for one recipient, when the message has come; called with the
recipient and the message (see L</messages>).

=item data, body (LMTP)

The replies to DATA and to each C<BDAT> but the last.  Called with undef, and
the number of accepted recipients, or of octets so far.  A C<data> rule is asked also where
no recipient was accepted: with C<'354 Go on'> the sink then takes the data and
ends it with one reply.

=item greeting, verbs (LMTP)

C<greeting> is the first line.  C<verbs> maps other commands, in capitals, to
replies: LHLO, RSET, NOOP, VRFY, HELP, QUIT and any that the sink doesn't know.

=back

A reply of LMTP is a text, such as C<'550 5.2.2 Full'>, or a reference to a list
of such texts, which become the lines of one reply.  An answer of QMTP is a text
that begins with K, Z or D, such as C<'ZTry later'>.  A reference to a string is
sent as it stands, with no line end or netstring put around it.  After a reply
421 the link ends, when all replies to that command are out.

=head3 Extensions of LMTP

C<pipelining>, C<chunking>, C<8bitmime>, C<enhanced> (enhanced status codes) are
on, C<dsn>, C<smtputf8>, C<binarymime> off, as long as no option of that name
says otherwise.  C<size> is the longest message in octets, 0 for no limit; it offers
SIZE (over QMTP, longer messages are just refused).  C<lhlo>, a reference to a list of lines, is offered in
place of all these.  A parameter of MAIL or RCPT is taken if its extension, or a
keyword of its own name, is offered, or if C<any_params> is true.

=head3 Faults

Stages are C<greeting>, C<lhlo>, C<mail>, C<rcpt>, C<data>, C<body>, C<final>,
C<rset>, C<noop>, C<vrfy>, C<help>, C<quit> and C<other>; QMTP has C<final> only.
C<data>, C<body> and C<final> are those of messages: a DATA or BDAT with no RCPT
in front of it, by which a client finds out what the server is like, is not
counted and has no faults.

=over

=item delay

Seconds to wait before each reply, or a hash from stage to seconds.

=item close_at

Ends the link: C<< { stage => $stage, after => $n } >> when C<$n> replies of that
stage have been sent on it (default 0: in place of the first); C<< { in => $n } >>
when C<$n> octets have come, of which no more are looked at; C<< { out => $n } >>
when C<$n> octets have been sent.

=item reset

Links that a fault ends are reset (RST) and not closed in good order.  A UNIX
socket is closed with what it holds unread.

=item close_after

Number of messages after whose replies a link ends.

=item garbage

C<< { stage => $stage, after => $n, line => $line } >>: the line in place of the
reply that follows C<$n> others (default 0) of that stage.

=item early

C<< { in => $n, send => $octets, close => $bool } >>: sends these octets, unasked,
when C<$n> have come, and may end the link.

=item extra, missing

Number of final replies or answers too many, or too few, for each message.

=item joined

LMTP: the final replies are the lines of one reply.

=item one_answer

QMTP: only a message's first answer is sent.

=item misframe, oversize

QMTP: a number added to the length that each answer declares; number of octets that
each answer is padded to.

=item write_size, write_delay

The most octets of one write, and the seconds between two.

=back

=head1 METHODS

=head2 host, port, path, protocol, url, pid

Where the sink is: C<host> is the address, or the path of a UNIX socket; C<port>
or C<path> is undef; C<protocol> is C<lmtp> or C<qmtp>; C<url> is C<lmtp://127.0.0.1:PORT>, C<lmtp://[::1]:PORT> or
C<lmtp:///PATH> with %-escapes where needed, or C<qmtp:>, C<lmtps:> or C<qmtps:> likewise, as
C<< Mail::Wire->connect >> takes them.  C<pid> is the child's process number.

=head2 ca_file

    my $lmtp = Net::LMTP->new($sink->host, $sink->port, SSL => 1, SSL_ca_file => $sink->ca_file);

The file with the certificate of who has signed the sink's; undef without C<tls>. It goes with the object.

=head2 messages

All messages that have come to their end, as a list of hashes, in order of
arrival.  Also those that every recipient was refused at the end.

=over

=item protocol, link

C<'lmtp'> or C<'qmtp'>; the number of the link that it came over, from 1.

=item from, from_params

The sender, without brackets, and MAIL's parameters: a hash whose names are in
capitals, with undef for a parameter without a value.

=item recipients

A reference to a list of hashes, in order, equal addresses as often as they were named:
C<address>, C<params> (LMTP), C<reply> (text without the last line end), C<stage>
(where that reply was given: C<rcpt> or C<final>, QMTP also C<mail>), C<accepted>
(true if that was a success).

=item data, size, digest

The text and its number of octets.  Over LMTP the dots that were added on the
way are taken off again; over QMTP the octet for the line end is not in it.
With C<discard>, C<digest> (SHA-256, hexadecimal) is there in place of C<data>.

=item stored

What C<store> has returned, if there is one.

=item lhlo, by (LMTP); eol (QMTP)

The client's name; C<'DATA'> or C<'BDAT'>; C<"\012"> or C<"\015">.

=back

Croaks in any process but the one that made the sink, and when the child has
gone.

=head2 take, handle

    while (1) {
        IO::Select->new($sink->handle)->can_read;
        print "$_->{from}\n" for $sink->take;
    }

For programs that go on while messages come: C<take> gives those that have come since the last C<take>, as C<messages> does,
and the sink forgets them. It doesn't wait for any. C<handle> can be read from, by C<select> or an event loop,
when something has come since, or the child has ended; nobody but the sink reads from it. Call C<take> once before waiting, and after each other
method that asks the child.

=head2 commands

    my @all   = $sink->commands;
    my @first = $sink->commands(1);

The command lines seen, in order, without their ends; with a link's number those
of that link.  For QMTP they are C<MESSAGE 120 unix>, C<SENDER ...>,
C<RECIPIENT ...>, C<BAD ...> with the reason why a package was dropped.

=head2 clear

Forgets the messages and commands seen so far.  The numbers of links go on.

=head2 wait_for(NUMBER, SECONDS)

    $sink->wait_for(3, 10) or die 'not all of them have come';

Waits until so many messages (default 1) are there, counted from the start or
the last C<clear>, but no longer than so many seconds (default 10).  True when
they are.

=head2 rules(NAME => RULE, ...)

    $sink->rules(rcpt => { '*@bad.example' => '550 5.1.1 No such user' }, final => undef);

Puts these in place of the rules of the same names (C<greeting>, C<mail>,
C<rcpt>, C<data>, C<body>, C<final>, C<verbs>), for links that are open also;
undef gives the default back.  When it returns they hold.  Code can't be given
to a process that runs already: it croaks, as for what C<new> would refuse.

=head2 stop

Ends the child and waits for it.  C<messages> and C<commands> can still be asked.

=head1 EXAMPLES

A server that loses the link after the first of several final replies:

    my $sink = Mail::Wire::Sink->new(close_at => { stage => 'final', after => 1 });

One whose replies come an octet at a time, a millisecond apart:

    my $sink = Mail::Wire::Sink->new(write_size => 1, write_delay => 0.001);

One that refuses every second message:

    my $count = 0;
    my $sink  = Mail::Wire::Sink->new(
        data => sub { $count++ % 2 ? '451 4.3.0 Try again' : undef },
    );

A QMTP server that answers once for all recipients:

    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', one_answer => 1);

In a test, beside the program that is tested:

    use Test::More;
    use Mail::Wire::Sink;

    my $sink = Mail::Wire::Sink->new(rcpt => { '*@bad.example' => '550 5.1.1 No such user' });
    my $port = $sink->port;
    is(system("./program --lmtp 127.0.0.1:$port"), 0, 'it says that it has sent all');
    ok($sink->wait_for(1), 'a message has come');
    like(($sink->messages)[0]{data}, qr/^Subject: Welcome/m, 'the right one');
    done_testing;

In the shell: the first line is the port, what has come is behind it when one message is there, or after a
minute.

    perl -MMail::Wire::Sink -e '$| = 1; $s = Mail::Wire::Sink->new; print $s->port, "\n";
        $s->wait_for(1, 60) or exit 1; print $_->{data} for $s->messages' > sink.out &
    until [ -s sink.out ]; do sleep 0.1; done
    ./program --lmtp "127.0.0.1:$(head -1 sink.out)"
    wait $! && grep '^Subject: Welcome' sink.out

In Python:

    import json, subprocess
    code = '''use JSON::PP; $| = 1; $s = Mail::Wire::Sink->new; print $s->port, "\\n";
        <STDIN>; print JSON::PP->new->latin1->encode([$s->messages])'''
    sink = subprocess.Popen(['perl', '-MMail::Wire::Sink', '-e', code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    port = int(sink.stdout.readline())
    subprocess.run(['./program', '--lmtp', '127.0.0.1:%d' % port], check=True)
    messages = json.loads(sink.communicate(b'\n')[0].decode('latin-1'))
    assert 'Subject: Welcome' in messages[0]['data']

=head1 SEE ALSO

L<Net::LMTP>, L<Net::QMTP>, L<Mail::Wire>, RFC 2033, RFC 3030,
L<https://cr.yp.to/proto/qmtp.txt>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This is free software; you may redistribute it and modify it under the same
terms as Perl itself.

=cut
