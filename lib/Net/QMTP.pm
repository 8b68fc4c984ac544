package Net::QMTP;

use 5.010001;
use strict;
use warnings;
use re 'taint';

use Carp qw(carp croak);
use Errno qw(EINVAL);
use Scalar::Util qw(blessed reftype);
use Mail::Wire           ();
use Mail::Wire::Address  ();
use Mail::Wire::Options  ();
use Mail::Wire::Packages ();
use Mail::Wire::Result   ();
use Mail::Wire::Source   ();
use Mail::Wire::Standard ();
use Mail::Wire::TLS      ();

our $VERSION = '1.000';
our @ISA     = ('Mail::Wire::Packages');

# "Worst" first when equal recipients were answered differently.
my %BADNESS = (success => 0, deferral => 1, failure => 2);

# How much of a file is read at once.
use constant BLOCK => 65536;

# Options of new with their defaults. Those in seconds: 0 is no limit.
my %SECONDS = (ConnectTimeout => 120, Timeout => 300, NextReplyTimeout => 30);

# All of them, by their names in lower case.
my %OPTION = map { lc $_ => $_ } keys %SECONDS, qw(
    Host PeerAddr Port PeerPort DeferConnect StageTimeout Window WindowBytes Blocking LocalAddr LocalPort Domain Family
    Debug Trace SSL StartTLS Socket ProxyProtocol User Password Token);

=encoding utf8

=head1 NAME

Net::QMTP - Quick Mail Transfer Protocol (QMTP) client

=head1 SYNOPSIS

    use Net::QMTP;

    my $qmtp = Net::QMTP->new('mail.example.org', Port => 209)
        or die "cannot connect: $@";

    $qmtp->sender('sender@example.org');
    $qmtp->recipient('foo@example.org');
    $qmtp->recipient('bar@example.org');
    $qmtp->message("From: sender\@example.org\nSubject: hello\n\nHello!\n");

    my $answers = $qmtp->send
        or die 'cannot send: ', $qmtp->error;
    for my $recipient (sort keys %$answers) {
        print "$recipient: $answers->{$recipient}\n";
    }

    my @results = $qmtp->deliver(
        From => 'sender@example.org',
        To   => [ 'foo@example.org', 'bar@example.org' ],
        Data => "Subject: another\n\nHello again!\n",
    );
    print $_->as_string, "\n" for @results;

    $qmtp->disconnect;

=head1 DESCRIPTION

Net::QMTP hands mail to a server that speaks QMTP, as qmail's C<qmail-qmtpd> does. A message with
its sender and all its recipients goes out as one package, without waiting for the server in
between; the server answers once for each recipient.

There are two ways to send: C<sender>, C<recipient>, C<message> and L</send>, one call each, as this
class has always had them, and L</deliver>, L</submit> and L</collect>, which take all in one call,
send many packages back to back, and have one result for each recipient whatever happens. See
L</DELIVERIES>.

Objects are blessed hashes. A subclass may keep keys of its own in them; everything of this class
is below the single key C<net_qmtp>, and is nobody else's business.

Addresses and messages are octets. In an address, text with characters above 0xFF is encoded as
UTF-8. In a message it is a mistake: see C<message>.

A server that closes the connection never raises SIGPIPE. Signal handlers run while a method
waits, and may die: the connection is then closed if a package was under way, so that the server
discards what it has of it. A connection belongs to the thread that made it: another thread's copy
of the object croaks when it is used.

=head1 CONSTRUCTOR

=head2 new(HOST [, OPTIONS])

    my $qmtp = Net::QMTP->new('mail.example.org', Timeout => 60);

Returns a new object, connected to HOST unless DeferConnect is given. HOST is a host name, an IPv4
or IPv6 address, C<host:port>, or, when it begins with a slash, the path of a UNIX-domain socket.
Called on an object it makes another one of that object's class. The host may be an option instead:

    my $qmtp = Net::QMTP->new(Host => 'mail.example.org', Port => 209);

It connects by the method L</reconnect>, which a subclass may have of its own.

Croaks C<No server specified in constructor> when there is no HOST. Returns undef when an option's
value is not usable or the connection fails, with the reason in C<$@>, and in C<$!> for the
connection.

OPTIONS are pairs of a name and a value; unknown ones are ignored, with a warning for those that differ from a known
one in upper and lower case only:

=over

=item Host, PeerAddr

The host, for a call without HOST.

=item DeferConnect

True: don't connect yet. L</reconnect> does it.

=item Port, PeerPort

Number, 65535 at the most, or service name of the TCP port, 209 by default. C<qmtp(209)> is a service
name and the number for systems that don't know it.

=item ConnectTimeout

Seconds that connecting may take, over all addresses of the host: 120 by default, 0 for no limit.

=item Timeout

Seconds to wait for each answer, and for the server to take more of a package: 300 by default, 0
for no limit.

=item NextReplyTimeout

Seconds to wait for each further answer once the first one of a package has come: 30 by default, 0
for no limit. It never exceeds Timeout. There are servers that answer once per package, whatever
the number of recipients; this is how long they hold a package up. A server that delivers to one recipient after
the other may need longer: those left are deferrals then, C<maybe_delivered>, and sending to them again makes doubles.

For L</DELIVERIES> a package may be written for 180 seconds without progress and its answer may take
600; Timeout, if it is given, shortens both. See StageTimeout.

=item StageTimeout

A reference to a hash of seconds for the stages of a delivery, 0 for no limit: C<connect> (in place of
ConnectTimeout), C<tls> (the handshake: 30), C<body> (the server takes more of a package: 180 by default) and C<final> (it
answers: 600). The names of L<Net::LMTP>'s other stages are accepted, and mean nothing here.

=item Window

How many submitted deliveries may be unanswered, 100 by default. See L</submit>.

=item WindowBytes

How many bytes of content they may have together, 1048576 by default. One delivery may be unanswered
whatever its size; content whose size is not known before it was read counts from then on.

=item Blocking

False: deliveries never wait, for programs with an event loop; see L</EVENT LOOPS>. C<new> itself
does, unless DeferConnect is given; L</send> croaks. 1 by default. The descriptor is in blocking
mode in any case.

=item LocalAddr, LocalPort

Address and port to connect from.

=item Domain, Family

C<AF_INET> or C<AF_INET6> of L<Socket>: use this address family only.

=item Debug

True: each step is told on STDERR, a line each, by C<warn>: C<$SIG{__WARN__}> gets them as well.

=item SSL

True: QMTP over TLS from the first byte, by L<IO::Socket::SSL>, which is loaded for it. The port is 6209 if there is none. What holds for
certificates and names is under L<Net::LMTP/TLS>.

=item SSL_...

Every option of L<IO::Socket::SSL> whose name begins so is passed on.

=item StartTLS, User, Password, Token

What L<Net::LMTP> has and QMTP does not, be it STARTTLS or authentication: C<new> fails, so that nothing goes in plain text, or without a login,
for an option that is not heeded.

=item Socket

A handle that is a connected socket already, for the first connection, in place of a HOST. HOST may still be given: with SSL it is the name that
the server must have, and what L</reconnect> connects to. A handle that is tied, as an L<IO::Socket::SSL> is, is refused.
L</disconnect> ends the connection for the caller's handle, too.

=item Trace

CODE or HANDLE, as Trace of L<Net::LMTP/new> has it. Packages are sent and answers received, each a line, as they are on the wire, but that
content is counted: C<< > 3:(2 bytes of content),3:a@x,6:3:b@x,, >> and C<< < 3:Kok, >>.

=item ProxyProtocol

Tells the server of another client, as ProxyProtocol of L<Net::LMTP/new> has it.

=back

=cut

sub _option_names { return values %OPTION }

sub new {
    my ($class, @arguments) = @_;
    my ($host, %option) = _host_and_options(@arguments);
    croak 'No server specified in constructor' if (!defined $host || $host eq '') && !$option{Socket};
    Mail::Wire::Options::warn_of_case('Net::QMTP', [ values %OPTION ], keys %option);
    my $self = bless { net_qmtp => _blank($host, \%option) }, ref $class || $class;
    my $problem = _problem(\%option);
    if ($problem) {
        $self->_failed($problem);
        ($@, $!) = ($problem, EINVAL);
        return undef;    ## no critic (ProhibitExplicitReturnUndef)
    }
    return $self->_failed($@) if !$self->_prepare(\%option);
    $self->{net_qmtp}{tls} = $option{SSL} && Mail::Wire::TLS::plan(\%option);
    return $self->_failed($@) if $option{SSL} && !$self->{net_qmtp}{tls};
    $self->encoding($/ && $/ eq "\015\012" ? 'dos' : 'unix');
    return $self if $option{DeferConnect};
    return $self->reconnect ? $self : undef;
}

# Names and values alone, when the first of them is an option's name: with HOST in front the number is odd.
sub _host_and_options {
    my ($first, @rest) = @_;
    return ($first, @rest) if @rest % 2 == 0 || !defined $first || !exists $OPTION{ lc $first };
    my %option = ($first, @rest);
    my ($host) = grep {defined} delete @option{qw(Host PeerAddr)};
    return ($host, %option);
}

sub _blank {
    my ($host, $option) = @_;
    my %seconds = map { $_ => defined $option->{$_} ? $option->{$_} : $SECONDS{$_} } keys %SECONDS;
    my ($port) = grep {defined} @$option{qw(Port PeerPort)}, $option->{SSL} ? 6209 : 209;
    return {
        server     => $host,
        port       => $port,
        local      => [ @$option{qw(LocalAddr LocalPort)} ],
        family     => $option->{Domain} || $option->{Family} || 0,
        seconds    => \%seconds,
        socket     => $option->{Socket},
        debug      => $option->{Debug} ? 1 : 0,
        recipients => [],
        error      => '',
        results    => [],
    };
}

# What is wrong with the options, '' if nothing.
sub _problem {
    my ($option) = @_;
    return 'Net::QMTP: QMTP has no STARTTLS; SSL => 1, or a URL of qmtps:, is TLS from the first byte' if defined $option->{StartTLS};
    return 'Net::QMTP: QMTP has no authentication' if grep { defined $option->{$_} } qw(User Password Token);
    my ($wrong) = map { Mail::Wire::Options::wrong('Net::QMTP', $_, seconds => $option->{$_}) }
        grep { defined $option->{$_} } sort keys %SECONDS;
    return defined $wrong ? $wrong : '';
}

=head1 METHODS

=head2 sender([ADDRESS])

Sets the envelope sender. Returns the current one: undef when none was set. The empty string is a
valid sender, that of a bounce. ADDRESS is read as C<recipient> reads one.

=cut

sub sender {
    my ($self, @address) = @_;
    $self->{net_qmtp}{sender} = _address(sender => $address[0]) if @address;
    return $self->{net_qmtp}{sender};
}

=head2 recipient([ADDRESS ...])

Adds recipients, each an address or a reference to a list of them. Returns a reference to the list of
recipients, which is the list itself: what is pushed to it or taken from it counts. The same address
may be there several times, and then gets the message as often.

White space around an address is not part of it, nor are its brackets and what is outside them: C<E<lt>joe@example.orgE<gt>>
and C<Joe E<lt>joe@example.orgE<gt>> are C<joe@example.org>. An object is the string that it says it is. Croaks for
other references, here or, for those that were pushed, in C<send>. An undefined address is warned of and left out; C<send> croaks
for one that was pushed.

=cut

sub recipient {
    my ($self, @address) = @_;
    my @new = map { ref $_ eq 'ARRAY' ? Mail::Wire::Source::elements($_) : $_ } @address;
    carp 'recipient: an undefined address is left out' if grep { !defined } @new;
    @new = map { _address(recipient => $_) } grep {defined} @new;
    push @{ $self->{net_qmtp}{recipients} }, @new;
    return $self->{net_qmtp}{recipients};
}

# An address as it goes into a package.
sub _address {
    my ($method, $address) = @_;
    Mail::Wire::Address::check($method, $address);
    return defined $address ? _path($address) : undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# In characters, as it was given.
sub _path {
    my ($address) = @_;
    my $text = "$address";
    my $path = Mail::Wire::Packages::_path($text);
    utf8::decode($path) if $text =~ /[^\x00-\xff]/;
    return $path;
}

=head2 server([HOST])

Sets the server, in each form that C<new> takes; L</reconnect> gives effect to it, and fails when it
is undef or empty. Returns the current one.

=cut

sub server {
    my ($self, @host) = @_;
    $self->{net_qmtp}{server} = $host[0] if @host;
    return $self->{net_qmtp}{server};
}

=head2 message([TEXT])

Appends TEXT to the message. Returns the message so far: undef when there is none. The empty
string makes an empty message, which is valid, and so does undef when there is none. The text is sent
as it is: it is up to the caller that it is a mail message, with the line ends that C<encoding> says.

A reference to a string is the string, a handle what can be read from it, an object the string that it says
it is; croaks for other references.

Croaks when TEXT has characters above 0xFF: encode it first, see L<Encode>. After
C<message_from_file> it carps and returns undef; L</new_message> clears the way.

=cut

sub message {
    my ($self, @text) = @_;
    my $own = $self->{net_qmtp};
    return $self->_complain('message: the message is a file already, see new_message')
        if defined $own->{file};
    if (@text) {
        my $octets = _text($text[0]);
        utf8::downgrade($octets, 1)
            or croak 'Wide character in message: encode the text first, for example with Encode::encode';
        $self->_append($octets);
    }
    return $own->{message} ? ${ $own->{message} } : undef;
}

# What is meant by a text: never a reference's address.
sub _text {
    my ($text) = @_;
    return '' if !defined $text;
    return "$text" if !ref $text && ref \$text ne 'GLOB';
    croak 'message: a string is needed, a reference to one, or an open handle'
        if !blessed $text && (reftype($text) || '') =~ /\A(?:ARRAY|HASH|CODE|REF|REGEXP)\z/;
    return Mail::Wire::Source->gathered('message', $text);
}

# A send that is under way (this is a signal handler, then) was lent the text: it gets another scalar.
sub _append {
    my ($self, $octets) = @_;
    my $own = $self->{net_qmtp};
    if ($own->{sending} || !$own->{message}) {
        my $text = $own->{message} ? ${ $own->{message} } : '';
        $own->{message} = \$text;
    }
    ${ $own->{message} } .= $octets;
    return;
}

=head2 message_from_file([FILE])

Makes FILE, a file's name, the message. Returns the name: undef when there is none. Only the name
is noted; L</send> opens the file and sends it, one of more than 64 KB from where it is, by
sendfile(2) where there is one, so a file of any size needs little memory. The name is nothing but a name: one that ends in C<|> runs nothing.

After C<message> it carps and returns undef; L</new_message> clears the way.

=cut

sub message_from_file {
    my ($self, @file) = @_;
    my $own = $self->{net_qmtp};
    return $self->_complain('message_from_file: the message has text already, see new_message')
        if $own->{message};
    $own->{file} = _file_name($file[0]) if @file;
    return $own->{file};
}

# The same file, whatever perl's inner form of its name is.
sub _file_name {
    my ($name) = @_;
    return undef if !defined $name;    ## no critic (ProhibitExplicitReturnUndef)
    croak 'message_from_file: a name is needed, not a reference' if ref $name && !Mail::Wire::Address::is_text($name);
    return _octets("$name");
}

# Characters that fit bytes are those bytes; others make all of it UTF-8.
sub _octets {
    my ($text) = @_;
    utf8::downgrade($text, 1) or utf8::encode($text);
    return $text;
}

=head2 encoding([TYPE])

Sets which line ends the message has: C<unix> (LF) or C<dos> (CRLF). Returns a line feed for
C<unix>, a carriage return for C<dos>. The message itself is not changed by it. C<new> guesses
from C<$/>: C<dos> when that is CRLF, else C<unix>. The empty string and undef set nothing.

Croaks for any other TYPE.

=cut

sub encoding {
    my ($self, @type) = @_;
    $self->{net_qmtp}{eol} = Mail::Wire::Packages::_eol($type[0]) if @type && defined $type[0] && length $type[0];
    return $self->{net_qmtp}{eol};
}

=head2 new_envelope

Forgets the sender and the recipients. Returns true. The message stays.

=cut

sub new_envelope {
    my ($self) = @_;
    @{ $self->{net_qmtp} }{qw(sender recipients)} = (undef, []);
    return 1;
}

=head2 new_message

Forgets the message. Returns true. The envelope stays.

=cut

sub new_message {
    my ($self) = @_;
    @{ $self->{net_qmtp} }{qw(message file)} = ();
    return 1;
}

=head2 send

Sends the message to the recipients and waits for the answers. Answers are read while the package
is still being written.

Returns a reference to a hash: for each recipient the server's words behind one of

=over

=item C<success: >

the message was accepted for delivery;

=item C<deferral: >

it was not, for now: try again later. Also when no answer came, in which case it may have been
accepted all the same: L</results> tells;

=item C<failure: >

it was refused for good.

=back

When the same address was a recipient several times, the hash has its worst answer (a failure is
worse than a deferral); L</results> has all of them.

Returns undef when there is no sender, no recipient, no message or no connection, or when the
package could not be sent whole; L</error> says why. In that last case the connection is closed,
and the server has discarded what it got.

A file that can't be read, or that is longer or shorter in the end than it was when it was opened,
makes it carp, close the connection and return undef; L</results> has a deferral of the stage C<body>
for each recipient.

When an answer does not come in time, or makes no sense, the connection is closed as well, as
later answers would be taken for those to another package. The next C<send> calls L</reconnect> then, once. So does
one whose connection is older than an hour, since QMTP allows no longer session.

When a signal's handler dies meanwhile, that comes out of C<send>, and the connection is closed. L</error> is C<interrupted>;
L</results> has a deferral for each recipient without an answer.

Croaks while deliveries are unanswered: L</collect> them first.

=cut

sub send {
    my ($self) = @_;
    my ($own, $errno, $sent) = ($self->{net_qmtp}, 0 + $!, {});
    $self->_croak_in_flight('send');
    my $answers;
    my ($ok, $died) = Mail::Wire::Client::_try(sub { $answers = $self->_send($sent) });
    if (!$ok) {
        $self->_mend(sub { $self->_end_send($sent) });
        die $died;
    }
    $! = $errno if $answers;
    return $answers;
}

# Puts into what it is given what `_end_send` needs if this dies.
sub _send {
    my ($self, $sent) = @_;
    my $own = $self->{net_qmtp};
    @$own{qw(error results)} = ('', $sent->{results} = []);
    # The caller's objects are asked for their strings first of all: they may use this one.
    my @recipients = map { _address(send => $_) } Mail::Wire::Source::elements($own->{recipients});
    croak 'send has an undefined address among its recipients' if grep { !defined } @recipients;
    my $missing = $self->_missing(\@recipients);
    return $self->_failed("send: no $missing") if $missing;
    if (!$self->_has_link) {
        $self->_unsent(\@recipients, my $why = $own->{error} || 'send: no connection');
        return $self->_failed($why);
    }

    # While a package is under way its link is not the object's: a handler that dies drops it, and
    # so closes it.
    my $link = $sent->{link} = delete $own->{link};
    local $own->{sending} = $link;
    my $flight = $sent->{flight} = delete $own->{sender_flight} || $self->_new_sender;
    my $problem = $self->_send_package($flight, $link, \@recipients);
    my $results = $flight->take(0, $own);
    $own->{sender_flight} = $flight;
    $self->_noted($results);
    $self->_keep($link, $problem);
    $self->_show_wire($link);
    return undef if $results->[0]->stage ne 'final';    ## no critic (ProhibitExplicitReturnUndef)
    return _answers(\@recipients, $results);
}

# Something died, at whatever moment: who has no result yet gets a deferral. The results of what was sent before are not those of
# this call, if it had begun.
sub _end_send {
    my ($self, $sent) = @_;
    my $own = $self->{net_qmtp};
    return if !$sent->{results};
    $own->{error} ||= $sent->{flight} ? 'interrupted' : 'the message was not sent';
    $own->{given_up} = 1 if $sent->{flight} && !$own->{link};
    return if @{ $own->{results} };
    if ($sent->{flight}) {
        $sent->{flight}->give_up($sent->{link}, 0, 'interrupted');
        return if $sent->{flight}->take(0, $own);
    }
    $self->_unsent(Mail::Wire::Packages::_shown($own->{recipients}), $own->{error});
    return;
}

# A connection that is young enough. The one that a send had to close is made again.
sub _has_link {
    my ($self) = @_;
    my $own = $self->{net_qmtp};
    return 1 if $own->{link} && !$self->_is_old;
    return 0 if !$own->{link} && !$own->{given_up};
    return $self->reconnect && $own->{link} ? 1 : 0;
}

# What keeps it from sending, '' if nothing does.
sub _missing {
    my ($self, $recipients) = @_;
    my $own = $self->{net_qmtp};
    return !defined $own->{sender}                             ? 'sender'
        : !@$recipients                                        ? 'recipient'
        : !$own->{message} && !defined $own->{file}             ? 'message'
        :                                                        '';
}

# Nothing of the package has been begun.
sub _unsent {
    my ($self, $recipients, $why) = @_;
    return $self->{net_qmtp}{results} = _deferrals($recipients, $why, 'connect');
}

# One for each recipient.
sub _deferrals {
    my ($recipients, $why, $stage) = @_;
    my ($words, @to) = map { _octets($_) } $why, @$recipients;
    return [ map { Mail::Wire::Result->_new($to[$_], $_, _DEFERRED, $words, $stage) } 0 .. $#to ];
}

# "A QMTP session should take at most 1 hour" (qmtp.txt, 2).
sub _session_life { return 3600 }

sub _is_old {
    my ($self) = @_;
    return $self->{net_qmtp}{link}->age >= $self->_session_life;
}

# Hands the package over and waits for its answers, over this link and no other one. Returns what went wrong, if anything did.
sub _send_package {
    my ($self, $flight, $link, $recipients) = @_;
    my $own     = $self->{net_qmtp};
    my @content = $self->_content(scalar @$recipients);
    my ($why)   = @content == 2 ? $content[1] : ();
    $flight->name_file($self->_of_file) if @content > 2;
    $flight->add(my $id, "$own->{sender}", $recipients, $own->{eol}, @content);
    $flight->disown;
    $flight->give_up(undef, 0, $why = $link->error)
        if !defined $why && $flight->run($link, Mail::Wire::Client::UNTIL_DONE, $id, 1, 0) == Mail::Wire::Client::UNLINKED;
    carp $why if defined $own->{file} && defined $why && index($why, $self->_of_file) == 0;
    return $why;
}

# The message as the flight takes it: a reference to its text; what Mail::Wire::Spool calls a stretch; or undef, and why it cannot be read.
sub _content {
    my ($self, $count) = @_;
    my $own = $self->{net_qmtp};
    my ($text, $file, $why) = $own->{message};
    if (!$text) {
        $file = _opened($own->{file}, \$why) or return (undef, $self->_of_file . ": $why");
    }
    my $size = $text ? length $$text : -s $file;
    $self->_debug("sending $size bytes to $count recipients");
    return $text || ($file, 0, $size, 0) if $text || $size > BLOCK;
    $text = _read($file, $size, \$why);
    return $text || (undef, $self->_of_file . ": $why");
}

sub _of_file { return "message_from_file: $_[0]{net_qmtp}{file}" }

# The open file; else $$why_r says why there is none.
sub _opened {
    my ($name, $why_r, $file) = @_;
    no warnings 'newline';    # of a name that ends in one: that it is not there is said anyway
    $$why_r = $name =~ /\0/ ? 'a name with a NUL in it'
        : !-e $name         ? "$!"
        : !-f _             ? 'not a plain file'
        : Mail::Wire::Standard::apart(sub { open $file, '<:raw', $name }) ? undef : "$!";
    return defined $$why_r ? undef : $file;
}

# A small file is read at once: a reference to its text; else $$why_r says why it cannot be had.
sub _read {
    my ($file, $size, $why_r) = @_;
    my ($text, $got) = ('');
    while ($got = sysread $file, $text, BLOCK, length $text) { last if length $text > $size }
    $$why_r = !defined $got ? "$!"
        : length $text > $size ? 'it grew while it was sent'
        : length $text < $size ? 'it shrank while it was sent'
        :                        return \$text;
    return;
}

# The link is the object's again, if it is still good; a handler may have made another one meanwhile.
sub _keep {
    my ($self, $link, $problem) = @_;
    my $own = $self->{net_qmtp};
    if (defined $problem) {
        $own->{given_up} = 1 if !$own->{link};
        return $self->_failed("send: $problem");
    }
    $own->{link} ||= $link;
    return 1;
}

sub _answers {
    my ($recipients, $results) = @_;
    my (%answer, %badness);
    for my $result (@$results) {
        my $recipient = $recipients->[ $result->index ];
        my $status    = $result->status;
        next if exists $answer{$recipient} && $badness{$recipient} >= $BADNESS{$status};
        $badness{$recipient} = $BADNESS{$status};
        $answer{$recipient}  = "$status: " . $result->message;
    }
    return \%answer;
}

=head2 reconnect

Closes the connection by the method L</disconnect>, if there is one, and connects to the C<server>. Returns true; or undef when
that fails, with the reason in C<$@>, C<$!> and L</error>. The envelope and the message stay.
Deliveries that are unanswered become deferrals, as with L</disconnect>.

=cut

sub reconnect {
    my ($self) = @_;
    my ($own, $errno) = ($self->{net_qmtp}, 0 + $!);
    $self->disconnect if $own->{link} || $own->{sending};
    $self->_close;
    $self->_connect or return undef;    ## no critic (ProhibitExplicitReturnUndef)
    $! = $errno;
    return 1;
}

=head2 disconnect

Closes the connection. Returns true; or undef, with a carp, when there is none. An object that
goes out of use closes its connection by itself.

Deliveries that are unanswered become deferrals, which can be collected.

=cut

sub disconnect {
    my ($self) = @_;
    return $self->_complain('disconnect: no connection') if !$self->_close;
    $self->_debug('disconnected');
    return 1;
}

=head2 quit

Waits for what is in flight, whose results stay collectable, and closes the connection, if there is one. Returns
true. The same as Net::LMTP's; QMTP itself has no farewell. Croaks where it would have to wait on an object made with
C<< Blocking => 0 >>.

=head2 close

Closes the connection as L</disconnect> does, without a carp when there is none: it returns false then.

=cut

sub quit {
    my ($self) = @_;
    $self->finish;
    $self->close;
    return 1;
}

sub close {    ## no critic (ProhibitBuiltinHomonyms)
    my ($self) = @_;
    return $self->{net_qmtp}{link} || $self->{net_qmtp}{sending} ? $self->disconnect : $self->_close ? 1 : 0;
}

=head2 results

Returns the results of the last L</send>, L</deliver> or L</collect>: one L<Mail::Wire::Result> per recipient, in the order of
the recipients, or in scalar context a reference to a list of them. The hash that C<send> returns
tells less: results keep equal recipients apart, and know whether a message that got no answer may
have been delivered (C<maybe_delivered>). They are there as well when C<send> returned undef
because the package could not be sent whole, or there was no connection to send it over (then they are
deferrals of the stage C<connect>), and when the call died.

=cut

sub results {
    my ($self) = @_;
    my @results = @{ $self->{net_qmtp}{results} };
    return wantarray ? @results : \@results;
}

=head2 error

Returns the text of the last failure, the empty string when there was none since the last C<send>
or C<reconnect> began, or something was delivered or submitted with nothing else unanswered. A lost
link is a failure also when all went well over the next one: what became of a delivery is in its
results. When C<send> or C<deliver> died, it says so, too.

=cut

sub error {
    my ($self) = @_;
    return $self->{net_qmtp}{error};
}

=head2 is_tls, sslhandle, can_ssl, get_cipher, get_sslversion ...

As those of L<Net::LMTP>, which has them all.

=head2 transcript

What L<Mail::Wire::Result/transcript> says of the last result that is no success, or of the last one. Net::LMTP has it as well.

=head2 host, last_error, is_connected

The host that L</server> says; what L</error> says; whether there is a connection, as far as is known. Net::LMTP has
them as well.

=cut

sub host         { return $_[0]{net_qmtp}{server} }
sub last_error   { return $_[0]->error }

sub is_connected {
    my ($self) = @_;
    $self->_unanswered;    # croaks in another thread
    return $self->{net_qmtp}{link} || $self->{net_qmtp}{sending} ? 1 : 0;
}

# ---- inside

sub _facts { return $_[0]{net_qmtp} }

# Notes a failure and returns what methods return then: undef, one value in list context too.
sub _failed {
    my ($self, $why) = @_;
    $self->{net_qmtp}{error} = $why;
    $self->_debug($why);
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

sub _complain {
    my ($self, $why) = @_;
    carp $why;
    return $self->_failed($why);
}

sub _debug {
    my ($self, $text) = @_;
    return if !$self->{net_qmtp}{debug};
    my ($errno, $error) = (0 + $!, $@);
    $text =~ s/([^\x20-\x7e])/sprintf '\\x%02x', ord $1/ge;
    warn ref $self, ": $text\n";
    ($!, $@) = ($errno, $error);
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($!, $@, $?);
    my $own = $self->{net_qmtp} or return;
    # A thread's copy only lets its descriptor go. (CLONE_SKIP would make none, but perl may panic then.)
    return if !$self->_goes;
    return if !blessed $own->{link};
    Mail::Wire::TLS::hush($own->{link});
    $self->disconnect;
    return;
}

1;

__END__

=head1 DELIVERIES

A delivery is one message for one or more recipients, and comes to one result for each of them,
whatever happens: refusal, timeout, lost link, interrupted call. Sender, recipients, message and
file of the methods above have no part in it; the encoding has.

=head2 deliver

    @results = $qmtp->deliver(
        From => $sender,
        To   => \@addresses,
        Data => $content,               # or File => $path, or Range => [ $path, $offset, $length ]
        ...
    );

Sends a message and returns what became of it: a L<Mail::Wire::Result> per recipient, in the order
of To; in scalar context a L<Mail::Wire::Delivery>, which is a reference to their list as well. C<results> returns them again. Messages that
were submitted before it are not waited for longer than needed, and stay collectable.

=over

=item From => ADDRESS

The sender; undef and C<''> are the null sender.

=item To => ADDRESS or \@ADDRESSES

One, or a list of one or more; any octets. Equal addresses are recipients of their own. An element may be a reference
to a list with an address and a reference to a hash of options, as L<Net::LMTP> has them: QMTP has
none, so they are warned of and left out. The same goes for Net::LMTP's options of a message.

=item Data => CONTENT, File => PATH, Range => [ PATH or HANDLE, OFFSET, LENGTH ]

The message, see L</DATA SOURCES>.

=item Encoding => 'unix' | 'dos'

Its line ends; C<encoding> says it by default.

=item Deadline => SECONDS

For all of it, reading the content too, from now on. When it has passed, recipients without a result are deferrals. If the
package was given to the link already the link is closed, as a late answer would be taken for
another's.

=item Progress => CODE

Is called now and then while the message is sent, as C<< CODE->(SENT, TOTAL) >>: how many bytes of
the content have been sent, and how many there are. The last call has all of them.

=back

Croaks when one of these can't be used, for an unknown name, in a signal handler that runs during
another call on the same object, and on an object made with C<< Blocking => 0 >>. C<results> then has deferrals of stage C<body>, 450, for the
recipients of this call as far as they could be told.

A result's code is 250 (accepted), 450 or 550 (refused for good). 450 with C<maybe_delivered> false
and the stage C<final> is the server's own deferral; all others are ours. Their stage is C<connect>
when nothing of the package was sent, C<body> when a part was (the server discards it then), and
C<final> when all was and the answer is missing: only then is C<maybe_delivered> true.

On a closed link, or none, it connects first. A link that is found to be lost, or older than an hour, before a
byte of the package was sent is replaced by another one, once. An hour-old link is replaced when
nothing is in flight on it any more.

Progress and Data callbacks can't call methods that send or wait for deliveries on the same object: those croak.

When a Progress or Data callback or a signal's handler dies, that comes out of C<deliver>. If the
package was given to the link already the link is closed; C<results> has the deferrals.

=head2 submit

    $id = $qmtp->submit(...);

The same arguments, but it doesn't wait for results: it queues the message and sends what can be
sent now. Returns the delivery's number, which counts from 1 on each object. While the window is
full (Window, WindowBytes) it waits for answers to earlier messages, never for a C<collect>; with
C<< Blocking => 0 >> it returns undef instead, and the message is not taken.

Packages go out back to back, and answers are read meanwhile. Up to 64 KB may be held back to be
sent in large pieces; C<collect>, C<advance> and C<flush> send them.

There are servers that answer once per package, whatever the number of recipients (mailfront). The
answer to a package behind such a one would be taken for its second recipient's. So a package of
several recipients is alone on its link, and nothing follows it, until the server has answered each
recipient of one in full; from then on they follow each other freely. Packages of one recipient do
from the start.

When a handler dies out of C<submit>, the message may have been taken: C<in_flight> is one more then, and C<collect> has its
results. Look there before it is submitted again.

An object that goes (also when the program ends) takes what is unanswered with it: it warns then, and says how many submitted
messages that were. Call C<collect> until it returns undef, or C<finish>, or C<quit>, before.

=head2 finish

Waits until everything that was submitted has its results, which stay collectable. Returns true then. On an object made
with C<< Blocking => 0 >> it croaks if it would have to wait.

=head2 collect

    while (my $delivery = $qmtp->collect) { ... }

Waits for the oldest delivery that was submitted and not collected yet, and returns a
L<Mail::Wire::Delivery> with its C<id> and C<results>. So they come in the order of C<submit>. undef
when there is none; with C<< Blocking => 0 >> also when it isn't finished. A signal handler that dies
ends the wait, and nothing else: C<collect> can be called again.

=head2 in_flight

How many deliveries were submitted and not collected.

=head2 flush

Sends what can be sent without further answers. 1, or 0 if the link is lost. With
C<< Blocking => 0 >> it sends what the system takes now, and returns 0 if something is left.

=head1 DATA SOURCES

A package begins with the message's length, so that must be known before anything is sent. The
message goes out as it is; it is up to the caller that its line ends are those of the encoding.

=over

=item Data => $string, Data => \$string

The whole message. A copy is kept until it is sent, which shares the string's memory until one of
them is changed.

=item Data => \@lines

Its strings, joined.

=item Data => $handle

What can be read from the handle, up to its end. A plain file without layers is streamed as File is,
by a descriptor of its own. Other handles are read first, which waits for them, also with
C<< Blocking => 0 >>, until the delivery's Deadline, if it has one and the handle a descriptor, which is switched to non-blocking mode while it
is read then: up to 1 MB into memory, more into a temporary file. What is read is what the next C<read> would give, also from a file that
C<sysread> or C<sysseek> has moved. One that is open for writing only croaks, and so does a Net::LMTP or Net::QMTP itself.

When it can't be read to its end, everybody is a deferral of stage C<body>, and nothing is sent: a C<read> that returns undef
or a negative number (as IO::Uncompress does for a stream that is cut or damaged; it is made to look at the
checksum, as by its option Strict), an end where the method C<error> has something to say, a plain file that has another size
or was written to since it was given. What a tied handle's method dies of comes out, as with code.

=item Data => $object

An object that has a string of its own by overloading, or the method C<as_string>: that is the message. One with a method
C<read> or C<getline>: it is read like a handle.

=item Data => sub { ... }

What the code returns: pieces of any size, one a call, until it returns undef. All of them are taken
first, as from a handle.

=item File => $path

What is in the file. It is opened at once, and croaks if it can't be read. Up to 64 KB it is read at
once, too; else while it is sent, by sendfile(2) where there is that. A file that has another
size by then, or was written to, is not delivered: deferrals of stage C<body>. One that is written to between that and the
server's answer may have been accepted with what was written, so a success is a deferral then, stage C<body> and C<maybe_delivered>.

=item Range => [ $path_or_handle, $offset, $length ]

So many octets of a plain file, from the offset on, such as a message of a mailbox: sent as File is. A handle stays
where it is, and any layers that it has are passed by. What the file has behind them doesn't matter, but a file that ends before, or is written
to in the meantime, is not delivered: deferrals of stage C<body>.

=back

Memory doesn't grow with handles, code and files. Characters above 0xFF croak: encode text before.
Code that dies takes C<deliver> or C<submit> with it; nothing is sent then, C<results> has deferrals of
stage C<body>, and the link is as it was.

=head1 EVENT LOOPS

An object made with C<< Blocking => 0 >> never waits in C<submit>, C<collect>, C<advance> and
C<flush>, also when these connect (but for the resolver: give an address, not a name, where that
matters); C<deliver> and C<send> croak. These methods tell an event loop what to wait for. They are
there for other objects, too.

    sub drive {
        $qmtp->advance;
        while (my $delivery = $qmtp->collect) { ... }
        while ($more and defined $qmtp->submit(...)) { ... }
        # now watch fileno: reading if wants_read, writing if wants_write, time if defined timeout_in
    }

Ask all four anew after each call: a link that is replaced, or being made, has another descriptor. Watches are
level-triggered ones, as select, poll and most event loops have them.

=head2 advance

Does what can be done now: connects, sends, reads, draws the conclusions of a time that has run out.
Returns how many deliveries are unanswered. It comes back after a megabyte or so, when there is more
to be done, so that other links have their turn.

=head2 fileno

The descriptor to watch; undef when there is none, because there is no connection and nothing that
needs one.

=head2 wants_read

True while deliveries are unanswered on a link: call C<advance> when there is something to read.

=head2 wants_write

True when something of them waits to be sent, or a connection to be made: call C<advance> when it can
be written.

=head2 timeout_in

Seconds until C<advance> must be called though nothing has come: the nearest of the waits' and
deliveries' ends. 0 when it is over already; undef when there is none.

=head1 DIFFERENCES

What scripts written for Net::QMTP 0.06 may notice:

=over

=item *

Every wait has a limit: ConnectTimeout, Timeout, NextReplyTimeout.

=item *

A server that closes early, answers what is no answer, or answers only some recipients doesn't
make C<send> die: recipients without an answer are deferrals, and those answered before keep their
answers. Answers must be netstrings to the letter.

=item *

Equal recipients each have their answer, in L</results>; the hash of L</send> has the worst of
them.

=item *

White space around addresses, brackets and what is outside them are left out; C<recipient> takes lists; a
reference to a string or a handle is a message's text. Other references croak: their addresses were mailed.

=item *

Options that differ from a known one in upper and lower case only are warned of.

=item *

The name given to C<message_from_file> is never taken for a command. The file is read while it is
sent, never held in memory as a whole.

=item *

TCP_NODELAY is set, and a whole package goes out in as few writes as possible.

=item *

L</error>, L</results>, L</DELIVERIES> and L</EVENT LOOPS> are new, as are the options Timeout,
NextReplyTimeout, LocalAddr, LocalPort, Domain and Family, and UNIX-domain sockets.

=back

=head1 EXAMPLES

To see what happens:

    my $qmtp = Net::QMTP->new('server.example.org', Debug => 1) or die $@;

A large file to two recipients, telling those apart who may get it twice when it is sent again:

    $qmtp->sender('');
    push @{ $qmtp->recipient }, 'joe@example.org', 'ann@example.org';
    $qmtp->encoding('unix');
    $qmtp->message_from_file('/var/tmp/report.eml');
    $qmtp->send;
    for my $result ($qmtp->results) {
        next if $result->is_success;
        printf "%s: %s%s\n", $result->recipient, $result->message,
            $result->maybe_delivered ? ' (may have been delivered)' : '';
    }

Several messages over one connection:

    for my $name (@files) {
        $qmtp->new_message;
        $qmtp->message_from_file($name);
        my $answers = $qmtp->send;
        next if $answers && !$qmtp->error;
        warn "$name: ", $qmtp->error, "\n";    # if the link is lost, the next send connects again
    }

Many messages, of which up to a hundred are on their way at a time:

    my %file;
    for my $name (@files) {
        my $id = $qmtp->submit(From => '', To => ['joe@example.org'], File => $name);
        $file{$id} = $name;
        report($qmtp->collect) while $qmtp->in_flight > 100;
    }
    while (my $delivery = $qmtp->collect) { report($delivery) }

    sub report {
        my ($delivery) = @_;
        my $name = delete $file{ $delivery->id };
        print "$name: ", $_->as_string, "\n" for grep { !$_->is_success } $delivery->results;
    }

=head1 SEE ALSO

L<Mail::Wire>, L<Mail::Wire::Delivery>, L<Mail::Wire::Result>, L<Net::LMTP>, qmail-qmtpd(8).

QMTP is described in L<https://cr.yp.to/proto/qmtp.txt>, netstrings in
L<https://cr.yp.to/proto/netstrings.txt>.

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as
Perl itself.

=cut
