package Mail::Wire::Packages;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EINVAL);
use Mail::Wire ();
use Mail::Wire::Client ();
use Mail::Wire::Dial ();
use Mail::Wire::Options ();
use Scalar::Util qw(blessed);
use Mail::Wire::Proxied ();
use Mail::Wire::TLS ();
use Symbol ();

our @ISA = ('Mail::Wire::Client');
our @CARP_NOT = ('Net::QMTP', 'Mail::Wire::Client');

# Net::QMTP's part of deliver, submit and collect: links that come and go. Deliveries outlive links: the `flight` has them, and says
# when it needs another.

# Options of new for deliveries, see Mail::Wire::Options.
my %options = (
    Window       => [ count => 100 ],
    WindowBytes  => [ bytes => 1024 * 1024 ],
    StageTimeout => [ [Mail::Wire::Options::STAGES], {} ],
);

# Seconds for each block of a package and for its answer, when neither StageTimeout nor Timeout says otherwise.
use constant { BODY => 180, FINAL => 600 };

# For new: whether its options can be used; else $@ says why.
sub _prepare {
    my ($self, $given) = @_;
    my $set = Mail::Wire::Options::checked(ref $self, \%options, $given) or return 0;
    my ($facts, $stage) = ($self->_facts, $set->{StageTimeout});
    my $cap = $given->{Timeout};
    $facts->{trace} = Mail::Wire::Client::_checked_trace($given->{Trace}, ref $self) or return 0 if defined $given->{Trace};
    if (defined $given->{ProxyProtocol}) {
        $facts->{proxy} = Mail::Wire::Proxied::plan($given->{ProxyProtocol}) or return 0;
    }
    my ($body, $final) = map { Mail::Wire::Options::least($_, $cap) }
        defined $stage->{body} ? $stage->{body} : BODY, defined $stage->{final} ? $stage->{final} : FINAL;
    $facts->{seconds}{ConnectTimeout} = $stage->{connect} if defined $stage->{connect};
    $facts->{seconds}{tls} = Mail::Wire::Options::least(defined $stage->{tls} ? $stage->{tls} : Mail::Wire::TLS::SECONDS, $cap);
    $facts->{nonblocking} = defined $given->{Blocking} && !$given->{Blocking};
    $facts->{limits} = [
        @{$set}{qw(Window WindowBytes)}, $body, $final,
        Mail::Wire::Options::least($facts->{seconds}{NextReplyTimeout}, $final), $self->_session_life,
        $facts->{debug} || $facts->{trace} ? 1 : 0, $facts->{nonblocking},
    ];
    $self->_new_flight;
    return 1;
}

sub _new_flight {
    my ($self) = @_;
    my $facts = $self->_facts;
    $facts->{flight} = Net::QMTP::Flight->new;
    $facts->{flight}->limits(@{ $facts->{limits} });
    return;
}

# What `send` has on its way, apart from the deliveries: one at a time, with the times that `send` has always had.
sub _new_sender {
    my ($self) = @_;
    my ($answer, $next) = @{ $self->_facts->{seconds} }{qw(Timeout NextReplyTimeout)};
    my $flight = Net::QMTP::Flight->new;
    $flight->limits(1, 1, $answer, $answer, Mail::Wire::Options::least($next, $answer), 0, 0, 0);
    return $flight;
}

# ---------------------------------------------------------------- running

sub _run {
    my ($self, @how) = @_;
    my $facts = $self->_facts;
    my $link = $facts->{link};
    my $said = $facts->{flight}->run($link, @how);
    $self->_show_wire;
    return $said;
}

# What has passed is shown, once.
sub _show_wire {
    my ($self, $link) = @_;
    my $facts = $self->_facts;
    $link ||= $facts->{link};
    return if not $facts->{trace} or not $link;
    my @lines = $link->_traced_lines;
    $self->_traced(splice @lines, 0, 2) while @lines;
    return;
}

sub _unanswered { $_[0]{net_qmtp}{flight}->unanswered }
sub _sent       { $_[0]{net_qmtp}{flight}->sent($_[0]{net_qmtp}{link}, $_[1]) }

# For the glue, where it is_told.
sub _noted {
    my ($self, $results) = @_;
    $self->_show_wire;
    return if not $self->{net_qmtp}{debug};
    $self->_debug($_->as_string) foreach @$results;
    return;
}

# What is on its way cannot be taken back but by closing: "a client that closes before [the end] has sent nothing".
sub _callback_died {
    my ($self, $id) = @_;
    my $facts = $self->_facts;
    $facts->{flight}->give_up($facts->{link}, $id, 'interrupted');
    $self->_drop_link;
    return;
}

# ---------------------------------------------------------------- when send dies

# How often what a die left behind is put in order, when that is interrupted as well.
use constant TRIES => 3;

sub _mend {
    my ($self, $code) = @_;
    foreach (1 .. TRIES) {
        last if (Mail::Wire::Client::_try($code))[0];
    }
    return;
}

# Addresses that were not looked at yet, without a call of the caller's code.
sub _shown {
    my ($addresses) = @_;
    return [ map { not(defined $_) ? '' : ref $_ ? 'an object' : "$_" } @$addresses ];
}

# ---------------------------------------------------------------- links

sub _link { $_[0]{net_qmtp}{link} }

sub _connect {
    my ($self) = @_;
    my $errno = 0 + $!;
    $self->{net_qmtp}{error} = '';
    if (not $self->_linked(scalar $self->_dial, 1)) {
        $! ||= EINVAL;    # a name without an address: what IO::Socket makes of it
        return $self->_failed($@);
    }
    $! = $errno;
    return 1;
}

sub _dial {
    my ($self) = @_;
    my $own = $self->{net_qmtp};
    my $socket = delete $own->{socket};
    if (not $socket and not(defined $own->{server} and length $own->{server})) {
        ($@, $!) = ('no server to connect to', EINVAL);
        return;
    }
    my @place = map { defined && (!ref || Mail::Wire::Address::is_text($_)) ? Net::QMTP::_octets("$_") : $_ } @$own{qw(server port)};
    my ($host, $port) = $socket ? 'a given handle' : Mail::Wire::Dial::place(@place);
    $self->_debug("connecting to $host" . (defined $port ? " port $port" : ''));
    $own->{given} = Mail::Wire::Dial::held($socket);
    return Mail::Wire::Dial->start(
        host => $place[0], port => $place[1], local => $own->{local}, family => $own->{family}, seconds => $own->{seconds}{ConnectTimeout},
        proxy => $own->{proxy}, socket => $socket, within => $own->{within}, tls => $own->{tls}, tls_seconds => $own->{seconds}{tls},
    );
}

# As the dial's handle returns.
sub _linked {
    my ($self, $dial, $may_wait) = @_;
    my $own = $self->{net_qmtp};
    my $link = $dial ? $dial->handle($may_wait) : undef;
    return $link if not $link;
    bless($link, 'Net::QMTP::Link')->_attach;
    $own->{link} = $link;
    $link->_trace_on if $own->{trace};
    delete $own->{given_up};
    $self->_debug('connected');
    return 1;
}

# True if there was something to close. A send that a handler interrupted loses its link as well.
sub _close {
    my ($self) = @_;
    my $own = $self->{net_qmtp};
    $self->_fail_all('the connection was closed');
    delete $own->{relinked};
    delete $own->{given_up};
    my @links = grep {$_} delete $own->{link}, $own->{sending};
    $self->_shut($_) for @links;
    return scalar @links;
}

sub _shut {
    my ($self, $link) = @_;
    my $errno = 0 + $!;
    CORE::close $link;
    Mail::Wire::Dial::end(delete $self->{net_qmtp}{given});
    $! = $errno;
    return;
}

# Closes a link that is of no use any more. True if no byte was sent over it.
sub _drop_link {
    my ($self) = @_;
    my $facts = $self->_facts;
    my $link = $facts->{link} or return 0;
    my $problem = $link->error;
    return 0 if $problem eq '' and not $self->_is_old;
    $self->_failed($facts->{lost} = $problem) if $problem ne '';
    delete $facts->{link};
    $self->_show_wire($link);
    $facts->{given_up} = 1;
    close $link;
    return !$link->sent;
}

# The flight is without a link. If something waits for one, there is another, or nobody gets one: a link that was made
# for what waits, and was lost before a byte was sent over it, is not made again.
sub _relink {
    my ($self) = @_;
    my $facts = $self->_facts;
    my $again = $facts->{link} ? delete $facts->{relinked} : 0;
    my $unused = $self->_drop_link;
    return 1 if not $facts->{flight}->waits;
    if ($unused and $again) {
        $facts->{flight}->give_up(undef, 0, $facts->{lost});
        return 1;
    }
    return $self->_link_again;
}

# False: it is under way.
sub _link_again {
    my ($self) = @_;
    return $self->_facts->{nonblocking} ? $self->_go_on_dialling : $self->_dial_in_time;
}

sub _go_on_dialling {
    my ($self) = @_;
    my $facts = $self->_facts;
    my $is = $self->_linked($facts->{dial} ||= $self->_dial || undef, 0);
    return 0 if defined $is and not $is;
    delete $facts->{dial};
    if ($is) {
        $facts->{relinked} = 1;
    }
    else {
        $self->_failed($@);
        $facts->{flight}->give_up(undef, 0, $facts->{error});
    }
    return 1;
}

# The deadline of a delivery that waits ends the attempt as well, and only that delivery.
sub _dial_in_time {
    my ($self) = @_;
    my $facts = $self->_facts;
    my $error = $facts->{error};
    my $left = $facts->{flight}->timeout_in(undef);
    local $facts->{within} = $left >= 0 ? $left || 0.001 : 0;
    if ($self->_connect) {
        @{$facts}{qw(relinked error)} = (1, $error);
    }
    elsif (not $facts->{flight}->expire) {
        $facts->{flight}->give_up(undef, 0, $facts->{error});
    }
    return 1;
}

# ---------------------------------------------------------------- event loops

sub flush {
    my ($self) = @_;
    return 1 if not $self->_unanswered;
    return $self->_go(Mail::Wire::Client::UNTIL_SENT, 0, !$self->_facts->{nonblocking}) && $self->{net_qmtp}{link} ? 1 : 0;
}

sub fileno {
    my ($self) = @_;
    $self->_unanswered;    # croaks in another thread
    my ($link, $dial) = @{ $self->_facts }{qw(link dial)};
    return $link ? CORE::fileno($link) : $dial && $dial->fileno >= 0 ? $dial->fileno : undef;
}

sub wants_read {
    my ($self) = @_;
    my ($link, $dial) = @{ $self->_facts }{qw(link dial)};
    return $link ? $self->_unanswered > 0 && $link->wants_read : $dial && !$dial->wants_write;
}

# A connection is made when it can be written to. With TLS it may have to be read for that.
sub wants_write {
    my ($self) = @_;
    my ($link, $dial) = @{ $self->_facts }{qw(link dial)};
    return $link ? $link->wants_write : $dial && $dial->wants_write;
}

sub _timeout_in {
    my ($self) = @_;
    my ($flight, $link, $dial) = @{ $self->_facts }{qw(flight link dial)};
    return 0 if $link and $flight->unanswered and $link->is_pending;
    my @seconds = grep { $_ >= 0 } $flight->timeout_in($link), $dial ? $dial->timeout_in : ();
    my ($least) = sort { $a <=> $b } @seconds;
    return defined $least ? $least : -1;
}

# For the sync methods, which would take the answers to deliveries for their own.
sub _croak_in_flight {
    my ($self, $method) = @_;
    croak "$method: deliveries are unanswered, collect them first" if $self->_unanswered;
    croak "$method would have to wait: this object was made with Blocking => 0" if $self->_facts->{nonblocking};
    return;
}

# Whoever has no answer gets a deferral.
sub _fail_all {
    my ($self, $why) = @_;
    my $facts = $self->_facts;
    delete $facts->{dial};
    $facts->{flight}->give_up($facts->{link}, 0, $why) if $facts->{flight} and $facts->{flight}->unanswered;
    return;
}

# ---------------------------------------------------------------- copies

# For Storable's dclone and its kin. With a connection or without: a copy would have half of what the object is.
sub STORABLE_freeze { croak 'Net::QMTP: an object cannot be copied' }

sub Net::QMTP::Flight::new {
    my ($class) = @_;
    my $flight = bless {}, $class;
    $flight->_attach;
    return $flight;
}

# ---------------------------------------------------------------- the end

# For DESTROY: what is unanswered is told. False for a thread's copy. At the program's end the flight may have gone before, and told.
sub _goes {
    my ($self) = @_;
    my $flight = $self->_facts->{flight};
    return 1 if not blessed $flight;
    return 0 if $flight->is_clone;
    $self->_warn_of_orphans($flight->orphans);
    $flight->disown;
    return 1;
}

sub _flight_goes {
    my ($flight) = @_;
    local ($!, $@, $?);

    # A handler may have died before there was anything in it.
    my $orphans = eval { $flight->is_clone ? 0 : $flight->orphans } || 0;
    Mail::Wire::Client::_warn_of_orphans('Net::QMTP', $orphans);
    return;
}
*Net::QMTP::Flight::DESTROY = \&_flight_goes;

1;
