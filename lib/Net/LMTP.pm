package Net::LMTP;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(carp croak);
use Errno qw(EINVAL);
use IO::Socket ();
use Mail::Wire ();
use Mail::Wire::AUTH ();
use Mail::Wire::Commands ();
use Mail::Wire::Deliveries ();
use Mail::Wire::Dial ();
use Mail::Wire::Login ();
use Mail::Wire::Options ();
use Mail::Wire::Proxied ();
use Mail::Wire::Result ();
use Mail::Wire::TLS ();
use Net::Cmd;
use Socket ();
use Symbol ();

our @ISA;
my $inet6_class;

BEGIN {
    $inet6_class = eval { require IO::Socket::IP; 1 } ? 'IO::Socket::IP' : undef;
    require IO::Socket::INET if not $inet6_class;
    @ISA = ('Net::Cmd', $inet6_class || 'IO::Socket::INET', qw(Mail::Wire::Commands Mail::Wire::Login Mail::Wire::Proxied Mail::Wire::Deliveries));
}

sub can_inet6 { $inet6_class }

# ---------------------------------------------------------------- construction

# Options of new as Mail::Wire::Options has them. In new(HOST, PORT, ...) their names cannot be a host: they begin the all-options form.
my %options = (
    (map { $_ => undef } qw(
        Host PeerAddr Port PeerPort Hello Debug LocalAddr LocalPort Domain Family SendHello ExactAddresses SSL StartTLS Socket JoinedReplies
        Blocking ProxyProtocol XClient Trace User Password Token Mechanisms AllowPlaintextAuth)),
    Timeout          => [ seconds => 120 ],
    NextReplyTimeout => [ seconds => 0 ],
    MaxReplyLine     => [ bytes => 0 ],
    MaxReply         => [ bytes => 0 ],
    Window           => [ count => 100 ],
    WindowBytes      => [ bytes => 1024 * 1024 ],
    EagerBody        => [ amount => 256 * 1024 ],
    StageTimeout     => [ [Mail::Wire::Options::STAGES], {} ],
);

sub _option_names { return keys %options }

sub _arguments {
    my @list = @_;
    my @place = _is_all_options(@list) ? () : (Host => shift @list);
    push @place, Port => shift @list if @place and @list % 2;
    my %arg = (@list, @place);
    $arg{Host} = $arg{PeerAddr} if not defined $arg{Host};
    $arg{Port} = $arg{PeerPort} if not defined $arg{Port};
    return %arg;
}

# An option's name in front, or the option Host or PeerAddr among names.
sub _is_all_options {
    my @list = @_;
    return 0 if @list % 2 or not @list or not defined $list[0] or ref $list[0];
    return 1 if exists $options{ $list[0] };
    my @names = @list[ grep { $_ % 2 == 0 } 0 .. $#list ];
    return $list[0] =~ /\A[A-Za-z]\w*\z/ && grep { defined && /\A(?:Host|PeerAddr)\z/ } @names;
}

# The options as they can be used, or nothing, with the reason in $@.
sub _checked {
    my ($arg) = @_;
    Mail::Wire::Options::warn_of_case('Net::LMTP', [ keys %options ], keys %$arg);
    my $set = Mail::Wire::Options::checked('Net::LMTP', \%options, $arg) or return _failed($@);
    $set->{joined} = defined $arg->{JoinedReplies} ? ($arg->{JoinedReplies} ? 1 : 0) : -1;
    $set->{cap} = $arg->{Timeout};
    $set->{hello} = !exists $arg->{SendHello} || $arg->{SendHello};
    @{$set}{qw(Hello StartTLS XClient)} = @{$arg}{qw(Hello StartTLS XClient)};
    return _failed($@) if defined $arg->{Trace} and not Mail::Wire::Client::_checked_trace($arg->{Trace}, 'Net::LMTP');
    my $why = _wrong_proxy($arg, $set);
    $why = _wrong_tls($arg, $set) if not defined $why;
    ($set->{who}, $why) = Mail::Wire::AUTH::who($arg) if not defined $why;
    return defined $why ? _failed("Net::LMTP: $why") : $set;
}

# What is wrong with options of a client that is a proxy; undef: nothing is.
sub _wrong_proxy {
    my ($arg, $set) = @_;
    return 'XClient must be a reference to a hash, and goes not without LHLO'
        if defined $arg->{XClient} and not(ref $arg->{XClient} eq 'HASH' and $set->{hello});
    return undef if not defined $arg->{ProxyProtocol};    ## no critic (ProhibitExplicitReturnUndef)
    $set->{proxy} = Mail::Wire::Proxied::plan($arg->{ProxyProtocol});
    return $set->{proxy} ? undef : $@;
}

# The same for TLS.
sub _wrong_tls {
    my ($arg, $set) = @_;
    my $how = $set->{StartTLS};
    return "StartTLS must be 'require' or 'offered', not '$how'" if defined $how and $how !~ /\A(?:require|offered)\z/;
    return 'StartTLS goes neither with SSL nor without LHLO' if defined $how and ($arg->{SSL} or not $set->{hello});
    $set->{ssl} = { map { $_ => $arg->{$_} } grep { defined and /\ASSL_/ } keys %$arg };
    return undef if not $arg->{SSL} and not defined $how;    ## no critic (ProhibitExplicitReturnUndef)
    $set->{plan} = Mail::Wire::TLS::plan($set->{ssl});
    return $set->{plan} ? undef : $@;
}

# For what new does not even try: nothing.
sub _failed {
    my ($why) = @_;
    ($@, $!) = ($why, EINVAL);
    return;
}

sub new {
    my $self  = shift;
    my $class = ref $self || $self;
    my ($error, $errno) = ($@, 0 + $!);
    my %arg   = _arguments(@_);
    my @hosts = ref $arg{Host} eq 'ARRAY' ? Mail::Wire::Source::elements($arg{Host}) : $arg{Host};

    if (not $arg{Socket} and my ($missing) = _missing($arg{Port}, @hosts)) {
        carp "Net::LMTP:new - no $missing specified";
        return _failed("Net::LMTP:new - no $missing specified");
    }
    my $set = _checked(\%arg) or return;
    if ($set->{plan} and grep { not Mail::Wire::TLS::fits($set->{plan}, Mail::Wire::Dial::name($_)) } @hosts) {
        return _failed("Net::LMTP: $@");
    }
    foreach my $host (@hosts) {
        my $lmtp = $class->_connect($host, \%arg, $set) or next;
        $lmtp->_login($set) or return;
        ($@, $!) = ($error, $errno);    # what went well leaves no traces in them
        return $lmtp;
    }
    return;
}

# What new needs and does not have; nothing: it has all.
sub _missing {
    my ($port, @hosts) = @_;
    return 'host' if not @hosts or grep { not defined or not length } @hosts;
    return 'port' if grep { not m{\A/} and not defined((Mail::Wire::Dial::place($_, $port))[1]) } @hosts;
    return;
}

sub _connect {
    my ($class, $host, $arg, $set) = @_;
    my $dial = _dial($host, $arg, $set) or return;
    my $self = $dial->handle(1) or return;
    return $class->_dialled($self, $dial->family, $host, $arg, $set);
}

sub _dial {
    my ($host, $arg, $set) = @_;
    return Mail::Wire::Dial->start(
        host => $host, port => $arg->{Port}, local => [ @{$arg}{qw(LocalAddr LocalPort)} ], socket => $arg->{Socket},
        family => $arg->{Domain} || $arg->{Family}, seconds => Mail::Wire::Login::_patience($set, 'connect'),
        proxy => $set->{proxy}, tls => $arg->{SSL} && $set->{plan}, tls_seconds => Mail::Wire::Login::_patience($set, 'tls'),
    );
}

# Makes the object of a connected handle.
sub _dialled {
    my ($class, $self, $family, $host, $arg, $set) = @_;
    bless($self, $class)->autoflush(1);
    @{*$self}{qw(io_socket_timeout io_socket_domain io_socket_type io_socket_proto)} =
        ($set->{Timeout}, $family, Socket::SOCK_STREAM, $family == Socket::AF_UNIX ? 0 : Socket::IPPROTO_TCP());
    my $nonblocking = defined $arg->{Blocking} && !$arg->{Blocking};
    my %login = (name => Mail::Wire::Dial::name($host), map { $_ => $set->{$_} } qw(StageTimeout Timeout cap ssl));
    ${*$self}{mail_wire} = { host => $host, nonblocking => $nonblocking, login => \%login, given => Mail::Wire::Dial::held($arg->{Socket}) };
    $self->_facts->{auth} = { map { $_ => $arg->{$_} } qw(Mechanisms AllowPlaintextAuth) };
    $set->{name} = $login{name};
    $self->_nonblocking($nonblocking);
    $self->_exact($arg->{ExactAddresses} ? 1 : 0);
    $self->_start(@{$set}{qw(NextReplyTimeout joined MaxReplyLine MaxReply)});
    $self->_prepare($set);
    $self->debug($arg->{Debug});
    if (defined $arg->{Trace}) {
        $self->_facts->{trace} = $arg->{Trace};
        $self->_trace_on;
    }
    return $self;
}

# ---------------------------------------------------------------- what is known

sub _facts { ${ *{ $_[0] } }{mail_wire} ||= {} }

sub host   { $_[0]->_facts->{host} }

# As Net::QMTP has them.
sub is_connected {
    my ($self) = @_;
    $self->_unanswered;    # croaks in another thread
    return $self->opened ? 1 : 0;
}

sub disconnect   { $_[0]->is_connected && $_[0]->close ? 1 : 0 }
sub last_error   { $_[0]->ok ? '' : join ' ', $_[0]->code, split /\s+/, scalar $_[0]->message }

# Of what was asked last by hand, or by the login; else of what was delivered last.
sub transcript {
    my ($self) = @_;
    my ($command, @reply) = $self->_exchange;
    return $self->SUPER::transcript if not defined $command;
    return Mail::Wire::Result::_exchange($command, @reply ? Mail::Wire::Result::_reply(@reply) : undef);
}

sub banner { $_[0]->_facts->{banner} || undef }
sub domain { $_[0]->_facts->{domain} || undef }

sub supports {
    my ($self, $keyword, @status) = @_;
    my $parameters = $self->_keyword(_texts($keyword));
    return length $parameters && $self->_tells($parameters, 0) ? '(hidden)' : $parameters if defined $parameters;
    $self->set_status(@status[ 0, 1 ]) if @status;
    return;
}

sub data_results {
    my ($self) = @_;
    my $delivered = $self->_last_delivered;
    my @results = $delivered ? grep { $_->stage !~ /\A(?:connect|mail|rcpt)\z/ } @$delivered : $self->_results(1);
    return wantarray ? @results : \@results;
}

# Those of a delivery, until a transaction is begun by hand.
sub results {
    my ($self) = @_;
    my $delivered = $self->_last_delivered;
    my @results = $delivered ? @$delivered : $self->_results(0);
    return wantarray ? @results : \@results;
}

# ---------------------------------------------------------------- Net::Cmd's surface

sub DEF_REPLY_CODE { 421 }

sub status {
    @_ == 1 or croak 'usage: $obj->status()';
    return substr $_[0]->code, 0, 1;
}

sub ok {
    @_ == 1 or croak 'usage: $obj->ok()';
    my $code = $_[0]->code;
    return 0 < $code && $code < 400;
}

sub unsupported {
    my ($self) = @_;
    $self->set_status(580, 'Unsupported command');
    return 0;
}

my %class_debug;

sub debug {
    @_ == 1 or @_ == 2 or croak 'usage: $obj->debug([$level])';
    my ($self, $level) = @_;
    my $class = ref $self || $self;
    my $old = ref $self ? $self->_debug_level : $class_debug{$class} || 0;
    return $old if @_ == 1;

    $level = $class_debug{$class} || 0 if not defined $level;
    if   (ref $self) { $self->_debug_level($level) }
    else             { $class_debug{$class} = $level }
    return $old;
}

sub debug_text { $_[2] }

sub debug_print {
    my ($self, $out, $text) = @_;
    my $line = $self->debug_text($out, $text);
    print STDERR $self, ($out ? '>>> ' : '<<< '), defined $line ? $line : '';
    return;
}

sub read_until_dot {
    my ($self, $fh) = @_;
    my @lines;
    while (1) {
        my $line = $self->getline;
        return if not defined $line;
        $self->debug_print(0, $line) if $self->debug & 4;
        last if $line =~ /\A\.\r?\n/;
        $line =~ s/\A\.\././;
        if   (defined $fh) { print {$fh} $line }
        else               { push @lines, $line }
    }
    return \@lines;
}

sub tied_fh {
    my ($self) = @_;
    require Mail::Wire::DataHandle;
    my $fh = Symbol::gensym();
    tie *$fh, 'Mail::Wire::DataHandle', $self;
    return $fh;
}

# One that was set caps the waits of deliveries as well; the one that is there by default doesn't.
sub timeout {
    my $self = shift;
    if (@_ and defined $_[0] and my $wrong = Mail::Wire::Options::wrong('Net::LMTP', Timeout => seconds => $_[0])) {
        $@ = $wrong;
        return $self->_refuse($wrong);
    }
    $self->_default_timeout(-1) if @_;
    return $self->SUPER::timeout(@_);
}

sub flush {
    my ($self) = @_;
    return $self->_unanswered ? $self->_send_queued : $self->_flush;
}

sub close {
    my $self = shift;
    $self->_say_closed if not $self->opened;
    $self->_closed;
    my $given = delete $self->_facts->{given};
    my $ok = $self->SUPER::close(@_);
    Mail::Wire::Dial::end($given);
    return $ok;
}

# Who writes past us, by a method, does so behind what was given to datasend. (What the functions of these names write we can't see.)
foreach my $method (qw(print printf say syswrite write)) {
    my $inherited = "SUPER::$method";
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{$method} = sub {
        my $self = shift;
        $self->flush if $self->_is_held;    # croaks in another thread
        return $self->$inherited(@_);
    };
}

# A thread's copy has the number of the descriptor, which is the original's, or by then another's. (What perl's functions do with it we
# can't see.)
foreach my $method (
    qw(fileno opened connected blocking shutdown sockopt getsockopt setsockopt peername sockname atmark recv bind connect listen accept
    read sysread getc getlines eof ungetc error clearerr sync fdopen fcntl ioctl stat truncate binmode printflush)
    )
{
    next if not __PACKAGE__->can($method);
    my $inherited = "SUPER::$method";
    no strict 'refs';    ## no critic (ProhibitNoStrict)
    *{$method} = sub {
        my $self = shift;
        $self->_unanswered if ref $self;    # croaks in another thread
        return $self->$inherited(@_);
    };
}

sub DESTROY { $_[0]->_went }

# ---------------------------------------------------------------- commands, raw

# undef is no text: what perl has to say of it would name a line here.
sub _texts { return map { defined $_ ? $_ : '' } @_ }

sub _BDAT     { shift->command('BDAT', _texts(@_)) }
sub _TURN     { shift->unsupported }

# ---------------------------------------------------------------- commands

sub _our_name {
    local ($@, $!);
    require Net::Domain;
    my $domain = Net::Domain::hostfqdn();
    return defined $domain && length $domain ? $domain : 'localhost.localdomain';
}

sub hello {
    my ($self, $domain) = @_;
    $domain = _our_name() if not defined $domain or not length $domain;
    $self->_LHLO($domain) or return;
    return $self->_greeted_as($domain);
}

# LHLO with this name has succeeded.
sub _greeted_as {
    my ($self, $domain) = @_;
    $self->_facts->{hello} = $domain;
    my ($first) = $self->message;
    return defined $first && $first =~ /\A\s*(\S+)/ ? $1 : ' ';
}

# mail, send and its like, recipient (to, cc, bcc) and data are the glue's.

sub datafh {
    my ($self) = @_;
    return if not $self->_DATA;
    local $! = $!;
    return $self->tied_fh;
}

# A chunk that was refused here or could not be sent has its reply waiting like any other, behind those to earlier commands.
sub bdat {
    my ($self, $text) = @_;
    my $chunk = $self->_chunk(bdat => $text);
    return 0 if not defined $chunk;
    $self->_read_unread('bdat');
    $self->_chunking('bdat') or return;
    $self->_BDAT(length $chunk)->rawdatasend($chunk);
    return $self->response == CMD_OK;
}

sub bdatlast {
    my ($self, $text) = @_;
    my $chunk = $self->_chunk(bdatlast => $text);
    return 0 if not defined $chunk;
    $self->_read_unread('bdatlast');
    $self->_chunking('bdatlast') or return;
    $self->_BDAT(length $chunk, 'LAST')->rawdatasend($chunk);
    return $self->_finals;
}

sub reset  { $_[0]->_RSET }
sub verify { shift->_VRFY(_texts(@_)) }

sub expand {
    my $self = shift;
    return $self->_EXPN(_texts(@_)) ? $self->message : ();
}

sub help {
    my $self = shift;
    return $self->_HELP(_texts(@_)) ? scalar $self->message : undef;
}

sub etrn {
    my $self = shift;
    return defined $self->supports('ETRN', 500, ["Command unknown: 'ETRN'"]) && $self->_ETRN(@_);
}

sub quit {
    my ($self) = @_;
    $self->_land;
    $self->_QUIT;
    $self->close;
    return 1;
}

1;

__END__

=encoding utf8

=head1 NAME

Net::LMTP - Local Mail Transfer Protocol client

=head1 SYNOPSIS

    use Net::LMTP;

    # TCP; or a UNIX-domain socket: Net::LMTP->new('/run/dovecot/lmtp')
    my $lmtp = Net::LMTP->new('mail.example.org', 24, Timeout => 60)
        or die "no connection: $@";

    # One recipient.
    $lmtp->mail('sender@example.org');
    $lmtp->to('ann@example.org');
    $lmtp->data;
    $lmtp->datasend("Subject: Hello\n");
    $lmtp->datasend("\n");
    $lmtp->datasend("A simple test message.\n");
    $lmtp->dataend or warn 'not delivered: ', $lmtp->code, ' ', $lmtp->message;

    # Several recipients: what became of each.
    $lmtp->mail('sender@example.org');
    $lmtp->recipient('ann@example.org', 'ben@example.org', { SkipBad => 1 });
    $lmtp->data("Subject: Hello\n", "\n", "To both of you.\n");
    foreach my $result ($lmtp->results) {
        print $result->recipient, ': ', $result->status, ', ', $result->message, "\n";
    }

    # The same in one call; with what the server offers used for speed.
    my @results = $lmtp->deliver(
        From => 'sender@example.org',
        To   => [ 'ann@example.org', 'ben@example.org' ],
        Data => "Subject: Hello\n\nTo both of you.\n",
    );

    # Many messages, without waiting for each.
    foreach my $number (1 .. 1000) {
        $lmtp->submit(From => 'sender@example.org', To => ['ann@example.org'], Data => "Subject: $number\n\nHello.\n");
    }
    while (my $delivery = $lmtp->collect) {
        print $delivery->id, ' was not accepted', "\n" if !$delivery->is_success;
    }

    $lmtp->quit;

=head1 DESCRIPTION

LMTP (RFC 2033) is how mail is handed to the server that puts it into mailboxes, such as Dovecot,
Cyrus, dspam or Zimbra. It is SMTP (RFC 5321) with two differences: the client introduces itself by
LHLO, and when a message has come the server sends B<one reply for each recipient> that it had
accepted, in the order of the RCPT commands. On this page those are the I<final replies>.

An object is the connection itself: a L<Net::Cmd> and an L<IO::Socket>, so that C<fileno>,
C<peerhost>, C<opened> or L<IO::Select> work on it. What is read from it or written to it by perl's
own functions (C<print>, C<readline>, C<sysread>) passes the session by: use the methods. Scripts
and subclasses written for Net::LMTP 0.02 run unchanged; what they may notice is under
L</DIFFERENCES>.

There are two ways to send mail. The B<sync calls> (C<mail>, C<recipient>, C<data> and so on) are
those of old: each sends a command and waits for its reply. B<Deliveries> (C<deliver>, C<submit>,
C<collect>) take a whole message, envelope and all, and send it in as few round trips as the server
allows. An object does both, one after the other.

=head2 Return values and errors

If not said otherwise, methods return true or false. After false, C<code> and C<message> say why:
they are the server's, or one of these, which are made here:

=over

=item Code 421

The link is lost (C<[Net::LMTP] Connection closed>), a wait ran out (C<[Net::LMTP] Timeout>), or the
server broke the protocol in a way that makes its further replies worthless. In brackets is the
object's class. Once the link is lost or worthless all commands get 421; C<quit> and C<close> may
still be called.

=item Code 501

A command that can't be sent as it is: CR, LF or NUL in it, an address that would add parameters, a
line over the limit. Nothing was sent.

=item Code 580

A command that this class doesn't have. Nothing was sent.

=back

C<$@> and C<$!> are what they were after all that went well.

Nothing dies for what a server or a network did. These croak: text with characters above 0xFF
given to C<datasend>, C<rawdatasend>, C<bdat> or C<bdatlast>, and references there or for an
address that say no text; arguments of C<deliver> and C<submit> that can't be used; a sync call
that sends or reads while deliveries are unanswered; a delivery while a message is open that
C<mail> began; a call on an object inside a signal handler that interrupted a wait of the same
object; a call on what is no such object.

A signal handler that dies ends any wait: what it died of comes out of the method. A handler that
returns interrupts nothing. A lost peer never raises SIGPIPE.

=head2 Waits

Each reply has C<Timeout> seconds to come, and so has each piece of data to be taken by the system.
When the time runs out inside a transaction (from C<mail> to the last final reply) the link is
closed, as the late reply would be taken for another's; inside an AUTH as well. Outside it stays open, and the late reply is
what the next C<response> reads.

Deliveries have times of their own, those that RFC 5321 4.5.3.2 asks for: see StageTimeout of L</new>. If
C<Timeout> was given to C<new>, or C<timeout> was called with a value, no wait of theirs is longer
than that either. When the time runs out the link is closed.

=head1 CONSTRUCTOR

=head2 new

    $lmtp = Net::LMTP->new(HOST, PORT [, OPTIONS]);
    $lmtp = Net::LMTP->new(PATH [, OPTIONS]);
    $lmtp = Net::LMTP->new(OPTIONS);

Connects, reads the server's greeting and sends LHLO. Returns the object; or undef (in list context
the empty list) with the reason in C<$@>, and a number for it in C<$!>. Where something else than an LMTP server is there, C<$@> has
what it said, at which step (C<greeting>, C<LHLO>), and what that looks like. Called on
an object it makes another one of its class.

HOST is a name or an address; IPv6 addresses may be in brackets. What begins with C</> is the PATH of a
UNIX-domain socket, and needs no PORT. A reference to a list of these is tried in order, until one can be
connected to. PORT is a number, a service name, or both as C<lmtp(24)>: the number is for systems that don't
know the name. Missing ones are warned of (C<Net::LMTP:new - no host specified>, C<no port specified>) and
give undef.

OPTIONS are pairs of name and value; unknown names are ignored, with a warning (carp) for those that differ
from a known one in upper and lower case only. A value that can't be used makes C<new> fail before anything is
connected, with the reason in C<$@>; undef is as if the option wasn't given.

=over

=item Host, Port

HOST and PORT, in the form that takes all as options. PeerAddr and PeerPort are the same.

=item Hello

The name to say in LHLO. Without it: what L<Net::Domain>'s C<hostfqdn> finds, or
C<localhost.localdomain>.

=item Timeout

Seconds, also fractions: for connecting to one HOST with all its addresses, and for each wait
afterwards, where it can be changed by C<timeout>. 120 by default, for deliveries only if it is
given; 0 is no limit. Resolving a name takes as long as the resolver does.

=item StageTimeout

A reference to a hash, from the name of a stage to seconds, 0 being no limit:

    Net::LMTP->new($host, $port, StageTimeout => { connect => 10, final => 1800 });

=over

=item tls

The TLS handshake, all of it: 30.

=item connect, greeting, lhlo, auth

Waits of C<new>, each in place of the default Timeout. C<lhlo> also is for the LHLO commands that
deliveries send between messages, and is 300 there by default. C<auth> is for each reply to AUTH.

=item mail, rcpt, data

The reply to MAIL (by default 300), to each RCPT (300), and to DATA (120). Deliveries only, as the
following.

=item body

Until the system takes the next bytes of what is to be sent (180).

=item final

From the message's end to the first final reply (600). Too short a time makes duplicates: the server
goes on delivering what is thought to be lost.

=item rset

The reply to RSET (20).

=back

Where Timeout is given too, the smaller one counts.

=item NextReplyTimeout

Seconds for each final reply behind the first, if that is less than Timeout. 0, the default: as long as for the first, so
Timeout, in deliveries the stage C<final>.

Most servers have all replies at hand with the first. A server that says fewer than there are recipients is found out sooner by a
shorter wait. But one that delivers to one recipient after the other, and answers for each as it is done, may need as long for the
last as for the first: recipients whose reply was not waited for are deferrals, C<maybe_delivered>, and a caller who sends to them
again makes doubles.

=item Window

How many submitted messages may be unanswered, 100 by default. See C<submit>.

=item WindowBytes

How many bytes of content they may have together, 1048576 by default. One message may be unanswered
whatever its size. Content that comes in pieces (see L</Data sources>) doesn't count, as it isn't
kept; content whose size is not known before it was read counts from then on.

=item EagerBody

Content of at most this many bytes, 262144 by default, is sent at once where the server offers
CHUNKING; longer content waits until a recipient was accepted. 0: all content waits. So much is
read of code or a handle before the first byte of its message is sent.

=item Blocking

False: deliveries never wait, for programs with an event loop; see L</Event loops>. C<new> itself
does: it connects, reads the greeting and says LHLO as ever. So do sync calls. 1 by default. The
descriptor is in blocking mode in any case.

=item JoinedReplies

Net::Server::Mail::LMTP sends one final reply with a line for each recipient in place of one reply
each. True: this server does so. False: it doesn't. undef, the default: it does so if its greeting
says C<Net::Server::Mail (Perl) Service ready>. See L</Several recipients>.

=item MaxReplyLine, MaxReply

Octets that one line of a reply (default 12292) and all lines of a reply together (default 65536) may
have, 1 to 999999999. A longer one costs the link. RFC 5321 4.5.3.1.5 says 512, real servers say
more.

=item Debug

True: shows on STDERR what is said, see C<debug>.

=item Trace => CODE | HANDLE

Sees what is said, line by line, as Debug does, secrets hidden: C<< CODE->(DIRECTION, LINE) >>, with C<< > >> for what is sent and C<< < >> for
what is received, LINE ending in C<"\n">; or printed to HANDLE behind C<<< >>> >>> or C<<< <<< >>>. Content of deliveries is counted, not shown.
CODE can't call methods that send or wait on the same object; what it dies of comes out of the method that was called.

=item LocalAddr, LocalPort

The address and the port to connect from.

=item Domain, Family

C<AF_INET> or C<AF_INET6>: connects by this family only.

=item SendHello

False: no LHLO is sent; call C<hello>. Until then no option of C<mail> and C<recipient> counts as
supported.

=item ExactAddresses

True: an address is used as it stands, in C<E<lt>E<gt>> if it has no such brackets around it. For
addresses with a C<E<lt>> inside. See C<mail>.

=item User, Password

Who we are: C<new> says it to the server behind LHLO, see C<auth>, and fails when the server does not take
it, C<AUTH> and the server's words being in C<$@>. Characters beyond ASCII are sent as UTF-8.

=item Token

A bearer token (RFC 6750) in place of Password, for XOAUTH2 or OAUTHBEARER (RFC 7628). How to get one, and another
when it has run out, is the caller's business.

=item Mechanisms

A reference to a list of SASL mechanisms, or their names in a string: they are tried in this order as far
as the server offers them, and no others. By default OAUTHBEARER and XOAUTH2 with a Token; then
SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1, PLAIN (RFC 4616) and LOGIN with a Password. CRAM-MD5,
DIGEST-MD5 and EXTERNAL are used only if they are named; EXTERNAL (RFC 4422 A) has no secret: the server knows
us by our certificate or our end of its UNIX-domain socket, and User, if there is one, is who we want to act as.

=item AllowPlaintextAuth

True: PLAIN, LOGIN, XOAUTH2 and OAUTHBEARER, which send the secret itself, are used on any link. By default they
are refused here (538, nothing is sent) but on a UNIX-domain socket, where a loopback address was connected to, and over TLS
to a server whose certificate with its name, or fingerprint, was verified.

=item SSL

True: TLS from the first byte. See L</TLS>.

=item StartTLS

C<require>: TLS is asked for by STARTTLS (RFC 3207) behind the first LHLO, and C<new> fails unless there is TLS and a second LHLO
has succeeded over it. C<offered>: the same where the server offers STARTTLS and does not refuse it, else the session goes on in plain text. Anybody
between the two can take the offer away: that is no protection against them.

=item SSL_...

Every option of L<IO::Socket::SSL> whose name begins so is passed on. See L</TLS> for what holds without them.

=item ProxyProtocol => 1 | 2 | { Version => 2, SourceAddr => ..., SourcePort => ..., DestAddr => ..., DestPort => ... }

For a client that is a proxy: the header of that version of the PROXY protocol (haproxy's) is sent in front of all else, TLS included. It tells the
server who has connected, and where to; what is not given is this connection's own. Addresses are IPv4 or IPv6, both of one
family. Dovecot wants it where C<haproxy = yes> is set for a listener, and of hosts in haproxy_trusted_networks; other servers take it for
garbage.

=item XClient => { NAME => VALUE, ... }

Calls C<xclient> at the end of the login. Where that is refused C<new> fails.

=item Socket

A handle that is a connected socket already (of inetd, a socketpair, a proxy), in place of Host and Port. Host may still be given: with TLS it is
the name that the server must have. A handle that is tied, as an L<IO::Socket::SSL> is, is refused: TLS is for C<SSL> or C<StartTLS> to make.
C<close> ends the connection for the caller's handle, too.

=back

=head1 METHODS

=head2 Connection

=head3 hello([NAME])

Sends LHLO with NAME, or the name that C<Hello> above would guess (RFC 2033 4.1, RFC 5321 4.1.1.1).
C<new> has done so already. Returns the name that the server gives itself, a space if it gives none,
false if it refuses. What the server offers is what its last reply to LHLO says; a transaction that
is under way ends.

=head3 supports(KEYWORD [, CODE, MESSAGE])

What the server said behind KEYWORD, whose case doesn't matter, in its reply to LHLO: C<'1000000'>
for C<SIZE>, C<''> for a keyword without parameters, undef for one that is not offered (in list
context the empty list, as Net::SMTP has it). It is C<(hidden)> where a part of a secret of C<auth> is
in it. With CODE and MESSAGE (a string or a reference to a list) these become the status when it is not
offered.

=head3 host

The HOST that it is connected to, as it was given to C<new>.

=head3 disconnect

As C<close>, which says no QUIT: 1, or 0 when the link was closed already.

=head3 is_connected, last_error

1 while the connection is open, else 0; C<code> and C<message> in a line when the last reply was no success, else the empty
string. Net::QMTP has them as well.

=head3 transcript

    my ($command, $reply) = $lmtp->transcript;

The last command that was answered, or that the link was lost with, and the reply to it, undef when there was none; of deliveries what
L<Mail::Wire::Result/transcript> says of the last result that is no success, or of the last one. Secrets are not shown. The list is empty when
nothing was sent, as for a command that was refused here. In scalar context it is a text. Net::QMTP has it as well.

=head3 banner

The text of the server's greeting, without its code, with its line end; undef if there was none.

=head3 domain

The first word of the greeting: the server's name.

=head3 timeout([SECONDS])

L<IO::Socket>'s: gets or sets how long waits may take. It is asked anew for each wait. 0 or undef:
no limit. Once set it is for deliveries, too. What is no number of seconds is refused as by C<new>: undef, the reason in C<$@>, code
501, and the old one holds.

=head3 quit

Sends QUIT (RFC 5321 4.1.1.10), reads its reply and closes. An open message is ended first, see
C<command>; and deliveries that are in flight are waited for. True when closed, whatever the server
said; the status is the server's.

=head3 close

Closes without QUIT. A message whose end was not sent is discarded by the server (RFC 5321
4.1.1.10). Recipients without a result become deferrals, see C<results>; those of deliveries can
still be collected. True; false if it was closed before. An object that goes out of use does the
same.

=head3 xclient(NAME => VALUE, ...), xclient({ NAME => VALUE, ... })

For a client that is a proxy: tells the server who its own client is (XCLIENT, Postfix and Dovecot), and says LHLO again, as the session starts
over then. True when both went well. NAME is an attribute that the server lists behind XCLIENT, such as C<ADDR>, C<PORT>, C<HELO>,
C<LOGIN>; others are warned of (carp) and left out. VALUE is made xtext; undef is C<[UNAVAILABLE]>. An IPv6 address has C<IPV6:> in
front. Refused here, with nothing sent: inside a transaction or when it is not offered (503), and when no attribute is left (501). The server
takes it from hosts that it trusts alone: Dovecot's login_trusted_networks, Postfix' smtpd_authorized_xclient_hosts.

=head3 xforward(NAME => VALUE, ...), xforward({ NAME => VALUE, ... })

The same for the message that follows, for the server's logs (XFORWARD, Postfix). The session goes on as it is.

=head3 trace(ID)

Names this session in Cyrus' logs (TRACE). False, code 503, when it is not offered.

=head3 auth(USER, PASSWORD [, OPTIONS]), auth(SASL [, OPTIONS])

Tells the server who we are (AUTH, RFC 4954, by the mechanisms of SASL, RFC 4422), and says LHLO
again, as servers offer other things to those whom they know. SASL is an L<Authen::SASL>, whose own
list of mechanisms and callbacks count. OPTIONS are C<Token>, C<Mechanisms> and
C<AllowPlaintextAuth> as for C<new>; those last two that C<new> was given hold here as well. True
when the server has said 235; C<code> and C<message> are that reply's. Else false, and they are one
of these:

=over

=item The server's refusal

535: user and password don't fit. 454: try again later. Behind 504 and 534 the next mechanism is
tried, behind 432 (the server needs the password once in another form) PLAIN if it may be, behind
all others none. What the server said to the mechanism itself, as the JSON of XOAUTH2 and
OAUTHBEARER (RFC 7628 3.2.2), is one more line of C<message>.

=item Code 500, 504

AUTH is not offered; or no mechanism that is offered can be used, be it that a module is missing,
which C<message> names, and its Debian package.

=item Code 501

Arguments that can't be used; nothing was sent. Or the server has not kept to the mechanism, and the
exchange was given up by C<*> (RFC 4954 4). Or it has not proved that it knows the password, as it
must with SCRAM (RFC 5802) and DIGEST-MD5: then the link is closed, whatever it said.

=item Code 503

A message is open that C<mail> began.

=item Code 538

The mechanism would show the secret to the network, see C<AllowPlaintextAuth>. Nothing was sent.

=item Code 421

The link is lost, or a wait ran out. A wait that runs out in the exchange, or that a handler dies
out of, closes the link.

=back

The secrets are not kept. They are in nothing that is shown (see C<debug>) and in no message, also
when the server repeats a part of them in its reply to AUTH, or in a refusal of the LHLO behind it: its
words are C<(hidden)> then. SCRAM needs L<Authen::SCRAM::Client>,
CRAM-MD5 and DIGEST-MD5 (qop C<auth> only) need L<Authen::SASL> and L<Digest::HMAC_MD5>, the others no
module. There are no security layers of SASL, and no channel bindings.

=head3 starttls([SSL_OPTIONS])

Sends STARTTLS (RFC 3207), makes the handshake, and says LHLO again by the name that C<hello> had. True when all three went well. SSL_OPTIONS
go before those of C<new>. It is refused, with nothing sent, inside a transaction, while a reply is owed, a second time, and when the server does
not offer it (code 503), and when L<IO::Socket::SSL> is not installed (580). See L</TLS>.

    $lmtp->starttls(SSL_ca_file => 'ca.pem') or die $lmtp->message;

=head3 is_tls

1 when what is sent goes through TLS, else 0.

=head3 sslhandle

The L<IO::Socket::SSL> inside, for what it can tell of the connection; undef when there is no TLS. Read and write by the methods of this
page alone.

=head3 get_cipher, get_sslversion, get_sslversion_int, get_fingerprint, get_fingerprint_bin

=head3 peer_certificate, peer_certificates, dump_peer_certificate, sock_certificate

What that handle says when it is asked by these names; undef (in list context the empty list) when there is no TLS.

=head3 can_inet6, can_ssl

Class methods: the class that connects by IPv6, C<IO::Socket::IP>, and the one that makes TLS connections, C<IO::Socket::SSL>; undef
if that is not installed.

=head2 Commands

=head3 mail(ADDRESS [, OPTIONS])

Begins a message from ADDRESS (MAIL, RFC 5321 3.3); the results of the message before are forgotten.

ADDRESS: the first C<< <...> >> outside quotes is used as it is, so C<"Ann Example, MD"
E<lt>ann@example.orgE<gt>> is fine; else the text without outer white space. undef and C<''> are the
null sender C<< <> >>. An object is the string that it says it is; other references croak. An address is refused (code 501,
nothing sent, C<message> says which and why) when it has control characters, or an
unquoted C<E<gt>> or white space inside its brackets. The recipients that follow such a C<mail>, and a recipient that is refused like
that, have it for a result.

Characters beyond ASCII are sent as UTF-8, whether they fit a byte or not; text that is octets of UTF-8 already stays as it is.

OPTIONS are pairs of name and value, or a reference to a hash of them. One that the server doesn't offer is warned of (carp) and left
out, and so is one that isn't known. undef is as if it wasn't given. A value that holds white space
or control characters where the protocol has none, or that its RFC doesn't know, is refused (501); one that is beyond what the server
says that it takes as well (552 for Size, else 555). Nothing is sent then. In C<deliver> and C<submit> the first croaks, and the second is
everybody's result, stage C<mail>.

=over

=item Size => OCTETS

The message's size with CRLF as line end (SIZE, RFC 1870). More than the server takes: 552, C<5.3.4>. Deliveries say it by themselves where
it is known before the content is sent: exactly up to 64 KB, and more or less of larger content and of files. Whatever was said, content that is
there whole, or a file that as it stands is larger than the server takes, is 552 for everybody, and not sent. What comes in pieces, and a file
that gets larger only by its line ends, is sent, and the server finds out.

=item Return => 'FULL' | 'HDRS'

How much of the message a report of failure has (RET, RFC 3461 4.3). What isn't C<FULL> is C<HDRS>.

=item Envelope => ID

The envelope's identifier (ENVID, RFC 3461 4.4), which is made xtext here: C<=> becomes C<+3D>.

=item ENVID => XTEXT

The same, sent as it stands.

=item Bits => 7 | 8 | 'binary'

The kind of content (BODY, RFC 6152 and RFC 3030). After an accepted C<'binary'>, which needs
BINARYMIME and CHUNKING, call C<bdat> and C<bdatlast>; C<data> warns (carp) and is false. Deliveries say C<8> by themselves of content that
has octets above 0x7F and is there whole: not of files of more than 64 KB, nor of what comes in pieces.

=item Transaction => ADDRESS

The transaction's identifier, formed like an address (TRANSID, RFC 1845).

=item AUTH => XTEXT

Who submitted the message (AUTH=, RFC 4954 5), sent as it stands; C<''> is C<< <> >>.

=item XVERP => 1

Asks for variable envelope return paths (Postfix).

=item SMTPUTF8 => 1

The addresses or the header are UTF-8 (RFC 6531). It is said without being asked for when the address is not ASCII, in deliveries also when
a recipient's is not; unless it is given as 0. Where the server doesn't offer it, such an address is refused in deliveries, 553,
C<5.6.7>, and sent as it is by C<mail> and C<recipient>. But when only its domain is not ASCII, the domain is sent in its ASCII form (by
C<recipient> unless MAIL said SMTPUTF8), if L<Net::IDN::Encode> (Debian: libnet-idn-encode-perl) or L<URI> (liburi-perl) is installed.

=item DeliverBy => 'SECONDS;MODE'

To be delivered in so many seconds, else returned (mode C<R>) or reported (C<N>); C<T> behind the mode asks for reports by the way: C<120;RT>
(BY, DELIVERBY, RFC 2852). Up to 9 digits; below 1 for C<N> only.

=item MTPriority => -9 .. 9

The message's priority, 0 being that of all others (MT-PRIORITY, RFC 6710).

=item HoldFor => SECONDS, HoldUntil => TIME

Not to be delivered for 1 to 999999999 seconds, or before a time in UTC such as C<2030-12-24T18:00:00Z> (HOLDFOR, HOLDUNTIL, FUTURERELEASE,
RFC 4865). One of both.

=item RequireTLS => 1

The message must not go anywhere without TLS (REQUIRETLS, RFC 8689). Unless the server offers that, and this link is under TLS with a server
whose name was checked, the message is refused: 550, C<5.7.30>.

=item Params => { KEYWORD => VALUE, ... }

Other parameters, sent as they are, whatever the server offers; undef or C<''>: the keyword alone. What is said here is not said by itself as well
(C<SIZE>, C<BODY>, C<SMTPUTF8>); a keyword that an option says too is refused, and so are a reference for a VALUE, and C<BODY=BINARYMIME>, which
is the option Bits.

=back

=head3 send, send_or_mail, send_and_mail

As C<mail(ADDRESS)>, by the commands SEND, SOML and SAML (RFC 821 3.4), which servers don't take any
more. The first is not the C<send> of sockets.

=head3 recipient, to, cc, bcc

    $ok       = $lmtp->recipient(ADDRESS [, ADDRESS ...] [, { OPTIONS }]);
    @accepted = $lmtp->recipient(ADDRESS [, ADDRESS ...], { SkipBad => 1 });

Sends RCPT for each ADDRESS, in order (RFC 5321 3.3); addresses are as in C<mail>, and a reference to a list is a list of them. C<to>, C<cc> and
C<bcc> are other names for it: they call the method C<recipient>. Stops at the first that is refused, and returns 0; 1 if all were
accepted. Without any address: 0, code 501.

OPTIONS are in a reference to a hash, or the last pairs of the list, if the first of them has one of these names:

=over

=item SkipBad => 1

Goes on behind refused addresses, and returns the list of those accepted, as they were given; in
scalar context their number.

Where the server offers PIPELINING, up to 100 RCPTs are sent at once, and then their replies read in
order (RFC 2920): one round trip in place of a hundred. A line that is no reply closes the link
then. They go one by one when C<debug> is on, and for classes with a C<command>, C<response>,
C<getline>, C<parse_response>, C<debug> or C<_RCPT> of their own, which see each of them.

=item Notify => \@WHEN | WHEN

When to report: C<NEVER>, or some of C<SUCCESS>, C<FAILURE> and C<DELAY> (NOTIFY, RFC 3461 4.1), in a list or with
commas between them. Other words are refused: false, code 501.

=item ORcpt => 'rfc822;ann@example.org'

The original recipient, sent as it stands (ORCPT, RFC 3461 4.2). To Dovecot, which takes it without offering it, by Params.

=item OriginalRecipient => 'ann@example.org'

The same; the address is made xtext, and C<rfc822;> put in front.

=item RRVS => TIME

Only for a mailbox that had this owner at that time, such as C<2030-12-24T18:00:00+01:00>; with C<;C> or C<;R> behind it for what to do if
the server can't tell (RRVS, RFC 7293).

=item IgnoreQuota => 1

Also into a mailbox that is full (IGNOREQUOTA, Cyrus).

=item XRcptForward => { NAME => VALUE, ... }

What Dovecot's passdb and userdb lookups get as C<forward_NAME> (XRCPTFORWARD). It is taken from hosts in login_trusted_networks.

=item Params => { KEYWORD => VALUE, ... }

As in C<mail>.

=back

=head3 data

Sends DATA (RFC 2033 4.2, RFC 5321 4.1.1.4). True if the server wants the message (354). Then send
it by C<datasend> and end it by C<dataend>. When DATA is refused both do nothing and return false.

=head3 data(LIST), data(\@LIST)

DATA, the whole message, and its end. True if B<every> accepted recipient's final reply is a
success, as of C<dataend>. What LIST may have in it is said at C<datasend>. A reference to an empty list is false, code 501, and
nothing is sent; an empty list is C<data> without arguments.

=head3 bdat(CHUNK)

Sends a part of the message by BDAT (RFC 3030 2) and reads its reply. CHUNK is a string of octets,
sent as they are: lines must end in CRLF already, no dots are doubled; or what else C<datasend> takes. Without CHUNKING in the
server's offer: warns (carp), sends nothing, false. Chunks without an accepted recipient, or behind
a refused one, are not sent: false, with code 503 or with the refusal.

=head3 bdatlast(CHUNK)

The same for the message's last part, which may be empty. Reads every accepted recipient's final
reply (RFC 2033 4.3) and returns what C<dataend> would.

=head3 reset

Sends RSET (RFC 5321 4.1.1.5): the message that was begun, and the results, are forgotten. Between
C<data> and C<dataend> a RSET would be a line of the message: the link is closed then, so that the
server discards the message, and the return value is false, code 421.

=head3 verify(ADDRESS)

VRFY (RFC 5321 4.1.1.6). True also if the server says that it can't tell (252).

=head3 expand(ADDRESS)

EXPN (RFC 5321 4.1.1.7). The lines of the reply; the empty list if it is refused.

=head3 help([SUBJECT])

HELP (RFC 5321 4.1.1.8). The text of the reply, or undef.

=head3 etrn(NAME)

ETRN (RFC 1985): asks for a run of NAME's queue. False, code 500, if it is not offered.

=head2 Deliveries

A delivery is one message for one or more recipients, and comes to one result for each of them,
whatever happens: refusal, timeout, lost link, interrupted call.

=head3 deliver

    @results = $lmtp->deliver(
        From => $sender,
        To   => [ $address, [ $address, { Notify => ['NEVER'] } ], ... ],
        Data => $content,               # or File => $path, or Range => [ $path, $offset, $length ]
        ...
    );

Sends a message and returns what became of it: a L<Mail::Wire::Result> per recipient, in the order
of To; in scalar context a L<Mail::Wire::Delivery>, which is a reference to their list as well. C<results> returns them again. Messages that
were submitted before it are waited for as well, and stay collectable.

=over

=item From => ADDRESS

The sender; undef and C<''> are the null sender. Addresses are as in C<mail>.

=item To => ADDRESS or \@RECIPIENTS

One address; or a list of one recipient or more: an address each, or a reference to a list of an address and a reference to a hash with
the options of C<recipient> but SkipBad. Equal addresses are recipients of their own.

=item Data => CONTENT, File => PATH, Range => [ PATH or HANDLE, OFFSET, LENGTH ]

The message, see L</Data sources>.

=item Size, Return, Bits, Envelope, SMTPUTF8 and so on

The options of C<mail>.

=item Deadline => SECONDS

For all of it, reading the content too, from now on. When it has passed, recipients without a result are deferrals. If the
message was begun the link is closed, as a late reply would be taken for another's.

=item Progress => CODE

Is called now and then while the message is sent, as C<< CODE->(SENT, TOTAL) >>: how many bytes of
the content have been sent, and how many there are, undef if that isn't known. The last call has all
of them.

=back

A server may take so many recipients a transaction: it says so by LIMITS RCPTMAX (RFC 9422), or by 452 (552 of old) to a RCPT behind an
accepted one, with an enhanced status code of C<4.5.3> or none. The message then goes again to the others, at once, and the results are in To's
order all the same; content that is read piece by piece can't. What is over LIMITS MAILMAX is not sent: deferrals, 421, stage C<connect>,
which say so; another connection takes it.

Croaks when one of these can't be used, for an unknown name, while a message is open that C<mail>
began, and on an object made with C<< Blocking => 0 >>. C<results> then has deferrals of stage C<body>, 421, for the recipients of this call
as far as they could be told (while a message is open: the open one's results, as before). A recipient whose address can't be sent
(control characters, more than 1000 octets, non-ASCII and no SMTPUTF8 offered) is a failure, 553, stage
C<rcpt>; for such a From all are, stage C<mail>. The others are sent to. On a closed link everybody
is a deferral, 421, stage C<connect>.

What is waited for depends on the server's offer. With PIPELINING it is two round trips a message:
MAIL, all RCPTs and DATA go at once, then the content. With CHUNKING it is one for a message to one
recipient of at most EagerBody bytes: replies to several RCPTs sent ahead of their message could be
mistaken for each other. A large file goes to several as BDAT, and BDAT 0 LAST when that was answered: three
round trips. A link's first message goes as with PIPELINING alone, and the next one takes a round trip
more, to see that the server counts as it should. Without either it is one command at a time. Which replies came when makes no difference for
the results: a success is reported only if the server gave it to that recipient. A server whose
replies are too many, too few, or no replies, loses the link, and recipients whose results can't be
trusted are deferrals. When the server closes behind its answers to a message, they stand; but where
some recipients had been refused before, and for messages that went by CHUNKING (files, and behind a
link's first message those to one recipient of at most EagerBody bytes), only if LHLO's reply had come
behind them. For a server that closes after each message set EagerBody to 0.

Progress and Data callbacks can't call methods that send or wait on the same object: those croak.
When one of them or a signal's handler dies, that comes out of C<deliver>. If its DATA or bytes of its
message are under way the link is closed; when Data dies at its first call, before anything is sent, it
stays. C<results> has the deferrals.

Replies that the caller has left unread are read first. When one of them doesn't come, or a line that is
no reply stands in its place, nobody could tell it from those that follow: the link is closed and
everybody is a deferral, stage C<connect>. With C<< Blocking => 0 >> they must be there already.

=head3 submit

    $id = $lmtp->submit(...);

The same arguments, but it doesn't wait for results: it queues the message and sends what can be
sent now. Returns the delivery's number, which counts from 1 on each object. While the window is
full (Window, WindowBytes) it waits for answers to earlier messages, never for a C<collect>; with
C<< Blocking => 0 >> it returns undef instead, and the message is not taken.

The next message's envelope goes out with the end of the one before: one round trip a message with
PIPELINING, one a window for messages to one recipient with CHUNKING. Up to 64 KB may be held back to be sent in large pieces;
C<collect>, C<advance>, C<flush>, C<finish> and C<quit> send them.

When a handler dies out of C<submit>, the message may have been taken: C<in_flight> is one more then, and C<collect> has its
results. Look there before it is submitted again.

An object that goes (also when the program ends) takes what is unanswered with it: it warns then, and says how many submitted
messages that were. Call C<collect> until it returns undef, or C<finish>, or C<quit>, before.

=head3 finish

    $lmtp->finish or warn 'something is unanswered';

Waits until everything that was submitted has its results, which stay collectable. Returns true then. On an object made
with C<< Blocking => 0 >> it croaks if it would have to wait.

=head3 collect

    while (my $delivery = $lmtp->collect) { ... }

Waits for the oldest delivery that was submitted and not collected yet, and returns a
L<Mail::Wire::Delivery> with its C<id> and C<results>. So they come in the order of C<submit>. undef
when there is none; with C<< Blocking => 0 >> also when it isn't finished.

=head3 in_flight

How many deliveries were submitted and not collected.

=head3 flush

Sends what waits to be sent: data that C<datasend> holds back, and of deliveries all that can be
sent without further replies. 1, or 0 if the link is lost. With C<< Blocking => 0 >> it sends what
the system takes now, and returns 0 if something is left.

=head3 print, printf, say, syswrite, write

Those of IO::Handle: the bytes go to the server as they are, behind what C<datasend> holds back. Perl's functions of these names
can't know of that: call C<flush> before them, or what is held back comes behind their bytes. Objects of subclasses hold nothing
back.

=head3 fileno, opened, connected, blocking, shutdown, sockopt, getsockopt, setsockopt

=head3 peername, sockname, atmark, recv, bind, connect, listen, accept

=head3 read, sysread, getc, getlines, eof, ungetc, error, clearerr

=head3 sync, fdopen, fcntl, ioctl, stat, truncate, binmode, printflush

Those of IO::Socket and IO::Handle. Of a copy in another thread they croak, as all do; perl's functions of these names don't, and would act on the
original's connection.

=head2 Data sources

The content of a delivery is given in one of these forms:

=over

=item Data => $string, Data => \$string

The whole message. A copy is kept until it is sent, which shares the string's memory until one of
them is changed.

=item Data => \@lines

Its strings, joined.

=item Data => $handle

What can be read from the handle, up to its end: what the next C<read> would give, also from a file that
C<sysread> or C<sysseek> has moved. Reading waits for the handle, also with C<< Blocking => 0 >>, until the
delivery's Deadline, if it has one and the handle a descriptor, which is switched to non-blocking mode while it is read then. Timeout and
StageTimeout are for what the server does. One that is open for writing only croaks, and so does a Net::LMTP or Net::QMTP itself.

When it can't be read to its end, everybody is a deferral of stage C<body>, and the link is closed if the message was begun: a
C<read> that returns undef or a negative number (as IO::Uncompress does for a stream that is cut or damaged; it is made to look at the
checksum, as by its option Strict), an end where the method C<error> has something to say, a plain file that has another size
or was written to since it was given. What a tied handle's method dies of comes
out, as with code.

=item Data => $object

An object that has a string of its own by overloading, or the method C<as_string>: that is the message. One with a method
C<read> or C<getline>: it is read like a handle.

=item Data => sub { ... }

What the code returns: pieces of any size, one a call, until it returns undef. It is called until the pieces have EagerBody bytes, once
at least, before anything of the message is sent: content that ends before goes as a string does.

=item File => $path

What is in the file. It is opened at once, and croaks if it can't be read. A FIFO is waited for as a handle is.
A file that is written to before it has been sent makes everybody a deferral of stage C<body>. One whose lines end in CRLF is sent from
where it is, without a copy: written to between that and the server's answer, it may have been accepted with what was written, so a success
is a deferral then, stage C<body> and C<maybe_delivered>. Renaming and removing it does no harm.

=item Range => [ $path_or_handle, $offset, $length ]

So many octets of a plain file, from the offset on, such as a message of a mailbox: sent as File is. A handle stays
where it is, and any layers that it has are passed by. What the file has behind them doesn't matter, but a file that ends before, or is written
to in the meantime, makes everybody a deferral of stage C<body>.

=back

Handles, code and files of more than EagerBody bytes are read piece by piece as the server takes the message, so
memory doesn't grow with it; but what is no plain file is read whole first with C<< Bits => 'binary' >>.

A plain file of more than 64 KB that ends all its lines in CRLF (or goes as it is, by
C<< Bits => 'binary' >>) is sent from where it is by a server's CHUNKING, without passing through this
process where the system can do that; but only with PIPELINING, and behind a link's first message, as another reply could be taken for
the message's else. It is read once before, to see that. If it changes before it is
sent, its recipients are deferrals and the link is closed. Another plain file of more than 64 KB goes by DATA, and is read when its
turn has come.

Any mix of LF and CRLF becomes CRLF, dots that begin a line are doubled where that is needed, a bare
CR is treated as in C<datasend> (by CHUNKING, where a dot means nothing, it stays as it is), and a last line without an end
gets one. With an accepted
C<< Bits => 'binary' >> (which needs BINARYMIME and CHUNKING) octets go as they are. Characters above
0xFF croak, or die out of the call that reads them: encode text before.

When code or a handle dies or fails before the end, the message is not delivered: deferrals of stage
C<body>.

=head2 Event loops

An object made with C<< Blocking => 0 >> never waits in C<submit>, C<collect>, C<advance> and
C<flush>; C<deliver> croaks. These methods tell an event loop what to wait for. They are there for
other objects, too.

    sub drive {
        $lmtp->advance;
        while (my $delivery = $lmtp->collect) { ... }
        while ($more and defined $lmtp->submit(...)) { ... }
        # now watch: reading if wants_read, writing if wants_write, time if defined timeout_in
    }

Watch by C<fileno> (an object is a handle itself), anew after each call: a lost link has none any
more, and its deliveries are finished. Watches are level-triggered ones, as select, poll and most
event loops have them. The folder F<eg> has whole programs for AnyEvent, IO::Async and Mojo that
deliver over fifty links at once.

=head3 advance

Does what can be done now: sends, reads, draws the conclusions of a time that has run out. Returns
how many deliveries are unanswered. It comes back after a megabyte or so, when there is more to be
done, so that other links have their turn.

=head3 wants_read

True while deliveries are unanswered: call C<advance> when there is something to read.

=head3 wants_write

True when something of them waits to be sent: call C<advance> when it can be written.

=head3 timeout_in

Seconds until C<advance> must be called though nothing has come: the nearest of the waits' and
deliveries' ends. 0 when it is over already; undef when there is none.

=head2 Raw commands

=head3 _LHLO, _MAIL, _RCPT, _SEND, _SOML, _SAML, _VRFY, _EXPN, _HELP, _ETRN, _AUTH, _XCLIENT, _XFORWARD, _TRACE

Send the command and their arguments, joined by spaces, as they stand, and read the reply. True if
it is a success (2xx).

    $lmtp->_MAIL('FROM:<id> DSPAMPROCESSMODE="--user ann"');
    $lmtp->_RCPT('TO:<ann@example.org>', 'NOTIFY=NEVER');

One line end at the very end is dropped. CR, LF or NUL elsewhere: false, code 501, nothing sent.
Recipients named by C<_RCPT> or C<command('RCPT', ...)> have results like others.

=head3 _RSET, _NOOP, _QUIT, _STARTTLS

The same without arguments. C<_QUIT> doesn't close, C<_STARTTLS> doesn't begin TLS.

A script may put TLS under the object by itself then: C<start_SSL> of a class that has L<IO::Socket::SSL> in front of Net::LMTP in its
C<@ISA>, C<*$lmtp = *$ssl>, or a tied glob. While the object's glob is tied, everything is sent and read by its own C<sysread> and
C<syswrite>, deliveries as well, and all waits hold. A method of these that dies is a lost link, with its words in the status and in the
results. A tied class that keeps bytes which C<select> does not see must have a method C<pending>; it is asked until it says C<EAGAIN>.
What had come in plain text and was not read before TLS began is the end of the link. L</hello> must be called again. The methods C<send>,
C<error>, C<pending> and C<getline> are IO::Socket::SSL's in such a class.

=head3 _DATA

True for 3xx.

=head3 _BDAT(SIZE [, 'LAST'])

Sends its line, reads nothing and returns the object: the chunk follows by C<rawdatasend>, then
comes the reply by C<response>.

=head3 _TURN

Unsupported: 0, code 580, nothing sent.

=head2 Several recipients

C<dataend>, C<data(LIST)> and C<bdatlast> read the final reply of every accepted recipient. They are
true only if all of these are successes. C<code> and C<message> are those of the first that is none,
else of the first reply.

When the link is lost, or one of the replies doesn't come in time, the recipients without a reply
are deferrals with code 421, and the link is closed. Those answered before keep their answers. A
line that is no reply makes the rest deferrals, too: it can be read by C<getline>, but nothing that
follows is credited to anybody.

Equal addresses are recipients of their own, with a reply each.

=head3 results

What became of the last message: one L<Mail::Wire::Result> per recipient in the order of the RCPT
commands, those refused there included. A list; in scalar context a reference to one. It holds until
the next MAIL or RSET, also when the link is closed. Behind C<deliver> or C<collect> these are that
delivery's.

    foreach my $result ($lmtp->results) {
        next if $result->is_success;
        print $result->as_string, "\n";
    }

When DATA or a BDAT was refused, that reply is the result of each accepted recipient. When MAIL was
refused, that one is the result of all. While the message is under way, who has no result yet is a
deferral, 421, C<no reply yet>; with its end sent, and replies to it unread, one that may have been
delivered. A recipient that is named on a lost link is a deferral, 421, stage C<connect>.

=head3 data_results

The same without the recipients that were refused at RCPT, so in the order of the final replies.
Their C<index> tells their place in C<results>.

=head3 Reading the further replies by response

Scripts that know that LMTP has several final replies call C<response> once for each accepted
recipient but the first. They may go on: behind C<dataend>, C<response> hands out the second
recipient's reply, the third's and so on, each with its C<code> and C<message>, until all were
handed out or the next command is sent. Nothing is read for it.

=head3 Servers that join their final replies

With JoinedReplies, a final reply that has as many lines as recipients are owed one, and that
nothing follows within half a second, is taken line by line: each is one recipient's reply, with a
code of its own. If the number is another, only the first recipient has its reply; the rest are
deferrals and the link is of no more use. With one recipient nothing is special.

=head2 Net::Cmd's methods

All of L<Net::Cmd>'s are there. Its constants C<CMD_INFO> (1), C<CMD_OK> (2), C<CMD_MORE> (3),
C<CMD_REJECT> (4), C<CMD_ERROR> (5) and C<CMD_PENDING> (0) are exported by C<use Net::Cmd>.

=head3 command(WORD [, WORD ...])

Sends a command line, the words joined by spaces, and returns the object, also on failure. Its reply
is read by C<response>. When a message's data is open it is ended first, as by C<dataend>; before
C<RSET> the link is closed instead, see C<reset>. What can't be sent (see L</Return values and
errors>) is answered by the C<response> that would read its reply: CMD_ERROR, 501.

=head3 response

Reads a reply (RFC 5321 4.2), all its lines, and returns the first digit of its code; CMD_ERROR if
there is none to be had. A line that is no reply is put back, so that C<getline> returns it next,
and is in C<$@>; CMD_ERROR then. If the lines differ in code, the last one's counts; for a final
reply the first that is no 2xx. A reply 421 closes the link, as the server does (RFC 5321 3.8).

=head3 message

The lines of the last reply, without code and separator, each with its C<"\n">. In scalar context
they are joined.

=head3 code

The last reply's code, 3 digits. 421 before there is any.

=head3 status

Its first digit.

=head3 ok

True for codes below 400.

=head3 set_status(CODE, MESSAGE)

Makes these the status that C<code> and C<message> return. MESSAGE is a string or a reference to a
list of lines. True.

=head3 unsupported

Sets the status 580, C<Unsupported command>, and returns 0.

=head3 datasend(LIST), datasend(\@LIST)

Sends a part of the message, the strings of LIST one behind the other. True; false if no data is
open or the link is known to be lost.

The bytes on the wire don't depend on how the text is cut into calls. LF becomes CRLF, CRLF stays as
it is. A dot that begins a line is doubled (RFC 5321 4.5.2). A bare CR stays as it is; directly
before a dot it is completed to CRLF and the dot is doubled, so that no server, whatever it takes
for a line's end, finds the message's end inside the message. NUL and octets above 0x7F are sent as
they are. Encode text before: characters above 0xFF croak.

In place of a string there may be a reference to one, an open handle, whose rest is read, or an object that says what string it is. Any
other reference croaks, and nothing of the call is sent. When a handle can't be read to its end the link is closed in front of the
message's, so that the server discards it: false, code 421.

Up to 64 KB wait for more before they are sent; see C<flush>.

=head3 rawdatasend(LIST), rawdatasend(\@LIST)

Sends octets as they are, from what C<datasend> takes. Inside a message they are taken to have CRLF line ends and doubled dots
already, and may be mixed with C<datasend>. Behind C<_BDAT> they are the chunk: false for more of
them than it announced. Elsewhere they are just sent.

=head3 dataend

Ends the message: completes an unfinished line, sends the dot and all that waits, and reads the
final replies (RFC 2033 4.2). True if every accepted recipient's is a success. When the server
wanted the data without any accepted recipient, one reply is read, and is what this returns, as in
C<data(LIST)>: true says that the server took the text, and that nobody has it. C<results> has what
each recipient was refused with. True, and nothing is sent, when
no data was asked for since the last message. False, with DATA's code and message, when DATA was
refused. 0 when the link is closed.

=head3 getline

The next line from the server, its end being C<"\n">; undef when the link is lost or the time ran
out.

=head3 ungetline(LINE)

Puts a line back: the next C<getline> or C<response> has it.

=head3 parse_response(LINE)

Takes a line of a reply apart: cuts code and separator off LINE, the caller's variable, and returns
the code and whether more lines follow. The empty list if it is no line of a reply.

=head3 read_until_dot([HANDLE])

Reads lines up to one that is a lone dot, and takes doubled dots back. Returns a reference to the
list of lines, or prints them to HANDLE and returns a reference to an empty list. undef if the link
is lost before.

=head3 debug([LEVEL])

Returns the level, and with an argument sets another. Called on the class it is the level of objects
made afterwards without a Debug of their own. If true, each line is shown on STDERR behind the
object's name: C<< >>> >> what is sent, C<<< <<< >>> what is received. Of AUTH only a mechanism
that is known and the codes of the replies are shown, as servers repeat what they don't understand; so
it is with the replies behind it, to that of a LHLO that succeeds, and with what C<rawdatasend> sends of it. Of what C<deliver> and
C<submit> send the commands are shown, when they have been queued, and how much content there was; and all replies. A command, or content, that is
refused without asking the server is not shown, as it does not go.

=head3 debug_print(OUT, TEXT)

Shows a line: sent if OUT is true, else received.

=head3 debug_text(OUT, TEXT)

What C<debug_print> shows for it: TEXT.

=head2 Handles

=head3 datafh

Sends DATA and returns a handle on the message; undef (in list context the empty list) if the server
refuses.

    my $fh = $lmtp->datafh or die $lmtp->message;
    print {$fh} "Subject: Hello\n", "\n";
    printf {$fh} "%d messages are waiting.\n", 3;
    close $fh or warn 'refused: ', $lmtp->message;

C<print>, C<printf>, C<say> and C<syswrite> call C<datasend>, C<close> calls C<dataend> and is true
if the message was accepted for every recipient. An empty message is a message, too. A handle that
isn't closed doesn't end the message.

=head3 tied_fh

Such a handle without any command sent: for a message that C<data> opened, or for reading. Reading
from it gives the lines up to a lone dot, as C<read_until_dot> does.

=head1 TLS

    my $lmtp = Net::LMTP->new('mail.example.org', 24, StartTLS => 'require') or die $@;
    print $lmtp->get_sslversion, ' ', $lmtp->get_cipher, "\n";

L<IO::Socket::SSL> does it, which is loaded when it is asked for; when it is missing the error says so, and what to install. The object and its class
stay what they are. Without options to the contrary (SSL_...):

=over

=item *

The server's certificate is verified, with the authorities that IO::Socket::SSL finds, and must have the name, or the address, that was
connected to (RFC 6125): one of its subjectAltName, or its common name if that has none. A wildcard stands for a whole label. Of a list of
hosts it is the one that took the connection. Another name: SSL_verifycn_name; an empty one counts as none. Where the name is not checked
(SSL_verifycn_scheme C<none>), or code of the caller's decides what is verified (SSL_verify_callback, a context that is given), the server is not
verified for AUTH and REQUIRETLS.

=item *

On a UNIX-domain socket, and with Socket but no Host, there is no name to check: C<new> fails unless SSL_verifycn_name has one, or SSL_verify_mode
says whether the certificate is verified.

=item *

SSL_fingerprint (C<sha256$...>, C<sha256$pub$...>, or a reference to a list of them) is compared with the certificate of the server, whether that
is valid otherwise or not.

=item *

TLS 1.2 or later (RFC 8996). The name is sent to the server (SNI, RFC 6066 3), an address is not.

=back

After STARTTLS what the server has said before is forgotten, its banner as well: anybody may have said it. Bytes in plain text behind its 220 make
it fail, be they lines or parts of one. No message can be begun before a new LHLO has succeeded; there is no way back to plain text. A handshake
that fails closes the connection, C<$@> and C<message> say why (C<TLS: certificate verify failed: certificate has expired>).

Every wait holds over TLS as it does without. The descriptor is in non-blocking mode from the handshake on. C<close> sends the alert
close_notify, in the process that made the handshake; an object that goes sends nothing. A connection that ends
without that alert is a lost link, and what was not answered in whole before is not answered.

Not there: the resumption of sessions, as a connection serves many messages; TLS in the kernel; and authorities other than certificates' (DANE, RFC
7672; MTA-STS, RFC 8461), which are for mail between domains, looked up in DNS that this client does not ask.

=head1 SUBCLASSING

Keep what belongs to a subclass in C<${*$self}{my_key}>, any key but C<mail_wire> and those that
begin with C<io_socket_>. C<new> may be overridden: call C<SUPER::new>, bless the object anew if
need be.

These methods are called where L<Net::Cmd> and L<Net::SMTP> call theirs, and may be overridden:

=over

=item _addr(TEXT)

Returns an address as it goes into MAIL or RCPT, brackets included. What an own C<_addr> returns is
sent untouched, if only there is no CR, LF or NUL in it.

=item command, response, datasend, dataend

Called by all methods that send commands, read replies, or send a message; C<dataend> also where a
command ends an open message. A C<response> that doesn't read by C<SUPER::response> is believed:
data is open when C<datasend> is called, and the digit that it returns for the first final reply is
what C<dataend> goes by.

=item getline, parse_response(LINE)

Called for every line of every reply, but not in deliveries. C<parse_response> changes its argument, see there.

=item debug_print(OUT, TEXT), debug_text(OUT, TEXT)

Called for every line that is shown.

=item DEF_REPLY_CODE

The code before there is any reply, and for lost links and timeouts: 421.

=item timeout, close

Called before each wait; and when the link is lost, and by C<quit>.

=back

C<hello> and the raw commands are called by their names, too: C<_MAIL> by C<mail>, C<_LHLO> by
C<hello>.

=head1 DIFFERENCES

What those who know Net::LMTP 0.02 may notice:

=over

=item *

A refused connection doesn't die: C<new> returns undef, the reason is in C<$@>.

=item *

C<dataend> reads every recipient's reply, and is false when any of them is no success. Scripts that
took its value for the first recipient's own find that in C<data_results>, the failure in C<code>
and C<message>. Those that called C<response> for the further replies still get them.

=item *

When DATA was refused, C<datasend> sends nothing and C<dataend> is false. They used to send the
message as a series of commands.

=item *

CR, LF and NUL inside the arguments of commands are refused: false, code 501, nothing sent. White
space around addresses is removed as before, and one line end at the end of a raw command's
arguments is dropped. Addresses that would add parameters to the command are refused as well.

=item *

A C<E<lt>> inside quotes begins no address: C<< "Doe <old@example.net>" <john@example.org> >> is john@example.org. C<< mail('<>') >> is the null
sender. Latin-1 letters in addresses are sent as UTF-8, and a domain that is not ASCII in its ASCII form where SMTPUTF8 is not said.

=item *

References that are no text croak where a message or an address is due; C<recipient> without an address, and C<data([])>, are
false. What is an option's name behind the addresses of C<recipient> is no address.

=item *

A Notify that RFC 3461 doesn't know is refused: false, code 501, nothing sent.

=item *

In a message, a bare CR before a dot is completed to CRLF and the dot is doubled.

=item *

TCP_NODELAY is set.

=item *

The object keeps count of the replies that its commands are owed. A script that sends by C<command> and then takes the reply from
the socket itself (C<sysread>, C<< <$lmtp> >>) makes it wait for one that is gone: read by C<response> or C<getline>.

=item *

A message's data is sent in large pieces, the last of it at C<dataend> or with the next command.
C<flush> sends what there is.

=item *

C<reset> (also C<_RSET> and C<command('RSET')>) while data is open closes the link, so that the
server discards the message, where what had been sent so far used to be delivered. It returns false,
with code 421.

=item *

A wait that runs out inside a transaction or an AUTH closes the link.

=item *

TCP connections are no longer L<IO::Socket::INET> but L<IO::Socket::IP>, where that is installed; so
IPv6 works.

=item *

Options of C<new> that differ from a known one in case only are warned of.

=item *

TLS checks certificates, and the server's name in them, by default.

=back

=head1 LIMITS

=over

=item *

A command line: 12288 octets. A message's recipients: 1,000,000. What is beyond is refused, code
501.

=item *

What the server says: see MaxReplyLine and MaxReply; and 1 MB unread while a message is being sent.
What is beyond closes the link, code 421. There is no setting for "no limit".

=item *

A message has no limit, nor have its lines, though servers need not take lines of more than 1000
octets (RFC 5321 4.5.3.1.6). Memory doesn't grow with the message, but for the strings given.

=item *

A signal's handler may run 0.2 seconds late when the signal comes just before a wait.

=item *

A connection belongs to the thread that made it: another thread's copy of the object croaks when it is used. After a C<fork>
either process may go on with it, but not both. When an object goes out of use nothing is sent, so
that this doesn't disturb the other process.

=item *

Under C<-T> (L<perlsec>) what the server said is tainted, results as well, and a tainted host, port or address of ours dies in place of
being connected to. Addresses and content may be tainted.

=back

=head1 EXAMPLES

The server's name and what it offers:

    use Net::LMTP;

    my $lmtp = Net::LMTP->new('/run/dovecot/lmtp') or die $@;
    print $lmtp->domain, "\n";
    print "messages up to ", $lmtp->supports('SIZE'), " octets\n" if $lmtp->supports('SIZE');
    $lmtp->quit;

A file to several recipients, telling those to try again later from those to give up:

    use Net::LMTP;

    my $lmtp = Net::LMTP->new('127.0.0.1', 24) or die "no connection: $@";
    open my $mail, '<:raw', 'message.eml' or die "message.eml: $!";

    $lmtp->mail('sender@example.org')
        && $lmtp->recipient('ann@example.org', 'ben@example.org', { SkipBad => 1 })
        && $lmtp->data;
    while (read $mail, my $block, 65536) {
        $lmtp->datasend($block) or last;
    }
    $lmtp->dataend;

    foreach my $result ($lmtp->results) {
        if    ($result->is_success)  { print $result->recipient, " has it\n" }
        elsif ($result->is_deferral) { print $result->recipient, ": try again\n" }
        else                         { print $result->recipient, ": ", $result->message, "\n" }
    }
    $lmtp->quit;

A message in chunks, where the server takes them:

    use Net::LMTP;

    my $lmtp = Net::LMTP->new('127.0.0.1', 24) or die $@;
    defined $lmtp->supports('CHUNKING') or die "no BDAT here\n";
    $lmtp->mail('sender@example.org');
    $lmtp->to('ann@example.org');
    $lmtp->bdat("Subject: Hello\r\n\r\n") or die $lmtp->message;
    $lmtp->bdatlast("In two pieces.\r\n") or die $lmtp->message;
    $lmtp->quit;

A class that passes addresses as they are, and writes down what is said:

    package My::LMTP;

    use Net::LMTP;
    our @ISA = ('Net::LMTP');

    sub _addr { my ($self, $address) = @_; return "<$address>" }

    sub debug_print {
        my ($self, $out, $text) = @_;
        push @{ ${*$self}{my_log} }, ($out ? 'C: ' : 'S: ') . $text;
    }

    package main;

    my $lmtp = My::LMTP->new('127.0.0.1', 24, Debug => 1) or die $@;
    $lmtp->mail('sender@example.org');
    $lmtp->quit;
    print @{ ${*$lmtp}{my_log} };

The folder F<eg> of the distribution has more, as whole scripts.

=head1 SEE ALSO

L<Mail::Wire>, L<Mail::Wire::Result>, L<Mail::Wire::Sink>, L<Net::QMTP>, L<Net::Cmd>, L<Net::SMTP>,
L<IO::Socket::IP>.

RFC 2033 (LMTP), RFC 5321 (SMTP), RFC 3030 (BDAT), RFC 2034 and RFC 3463 (enhanced status codes),
RFC 3461 (delivery status notifications), RFC 1870 (SIZE), RFC 6152 (8BITMIME), RFC 4954 (AUTH), RFC 4422 (SASL), RFC 4616 (PLAIN), RFC 5802 and
RFC 7677 (SCRAM), RFC 7628 (OAUTHBEARER), RFC 6531 (SMTPUTF8), RFC 2852 (DELIVERBY), RFC 6710
(MT-PRIORITY), RFC 4865 (FUTURERELEASE), RFC 8689 (REQUIRETLS), RFC 7293 (RRVS).

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
