package Mail::Wire::Packages;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Carp qw(carp croak);
use Errno qw(EINVAL);
use Mail::Wire ();
use Mail::Wire::Address ();
use Mail::Wire::Client ();
use Mail::Wire::Dial ();
use Mail::Wire::Options ();
use Scalar::Util qw(blessed);
use Mail::Wire::Result ();
use Mail::Wire::Source ();
use Mail::Wire::Spool ();
use Symbol ();

our @ISA = ('Mail::Wire::Client');
our @CARP_NOT = ('Net::QMTP', 'Mail::Wire::Client');

# deliver, submit and collect for Net::QMTP: arguments, and links that come and go. Deliveries outlive links: the
# `flight` has them, and says when it needs another.

# What an LMTP client can ask its server for, and a QMTP client cannot.
my %is_lmtp_option = map { $_ => 1 } Mail::Wire::_mail_options();

# Options of new for deliveries, see Mail::Wire::Options.
my %options = (
    Window       => [ count => 100 ],
    WindowBytes  => [ bytes => 1024 * 1024 ],
    StageTimeout => [ [qw(connect greeting lhlo mail rcpt data body final rset)], {} ],
);

# Seconds for each block of a package and for its answer, when neither StageTimeout nor Timeout says otherwise.
use constant { BODY => 180, FINAL => 600 };

# For new: whether its options can be used; else $@ says why.
sub _prepare {
    my ($self, $given) = @_;
    my $set = Mail::Wire::Options::checked(ref $self, \%options, $given) or return 0;
    my ($facts, $stage) = ($self->_facts, $set->{StageTimeout});
    my $cap = $given->{Timeout};
    my ($body, $final) = map { Mail::Wire::Options::least($_, $cap) }
        defined $stage->{body} ? $stage->{body} : BODY, defined $stage->{final} ? $stage->{final} : FINAL;
    $facts->{seconds}{ConnectTimeout} = $stage->{connect} if defined $stage->{connect};
    $facts->{nonblocking} = defined $given->{Blocking} && !$given->{Blocking};
    $facts->{limits} = [
        @{$set}{qw(Window WindowBytes)}, $body, $final,
        Mail::Wire::Options::least($facts->{seconds}{NextReplyTimeout}, $final), $self->_session_life,
        $facts->{debug}, $facts->{nonblocking},
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

# ---------------------------------------------------------------- arguments

# The addresses of To, without what only LMTP can say about one.
sub _addresses {
    my ($method, $to) = @_;
    my @addresses;
    foreach my $entry (@$to) {
        my ($address, $option) = ref $entry eq 'ARRAY' ? @$entry : ($entry);
        croak "$method: To has an undefined address" if not defined $address;
        Mail::Wire::Address::check("$method: To", $address);
        croak "$method: the options of a recipient must be a reference to a hash" if defined $option and ref $option ne 'HASH';
        carp "$method: QMTP has no recipient's options: " . join(' ', sort keys %$option) . ' - ignored' if $option and %$option;
        push @addresses, _path($address);
    }
    return \@addresses;
}

sub _job {
    my ($self, $method, @arguments) = @_;
    my %arg = Mail::Wire::Client::_pairs($method, @arguments);
    my ($facts, $errno) = ($self->_facts, 0 + $!);
    croak "$method: another call on the same object is waiting" if $facts->{sending} or $facts->{flight}->busy;
    my $job = Mail::Wire::Client::_common($method, \%arg);
    Mail::Wire::Address::check("$method: From", $job->{from});
    my $encoding = delete $arg{Encoding};
    $job->{eol} = defined $encoding ? Net::QMTP::_eol($encoding) : $facts->{eol};
    $job->{to} = _addresses($method, $job->{to});
    _check_rest($method, \%arg) if %arg;
    $job->{source} = Mail::Wire::Source->new(delete @{$job}{qw(data file)});
    $job->{total} = $job->{source}->size;
    $! = $errno;
    return $job;
}

sub _check_rest {
    my ($method, $rest) = @_;
    my @unknown = grep { !$is_lmtp_option{$_} } sort keys %$rest;
    croak "$method: unknown argument @unknown" if @unknown;
    carp "$method: QMTP has no " . join(' ', sort keys %$rest) . ' - ignored';
    return;
}

# The content, all of it, as the flight takes it: a reference to its text; a handle, an offset and a size; or undef, and why it cannot be
# read. The caller's code may die over it: then nobody gets the message.
sub _settle {
    my ($self, $job) = @_;
    my $source = delete $job->{source};
    $source->until($job->{deadline} ? $job->{since} + $job->{deadline} : 0);
    my $content;
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $content = Mail::Wire::Spool->new($source) });
    if (not $ok) {
        my $why = Mail::Wire::Source::fault($error);
        return (undef, $why) if defined $why;
        $self->_delivered(Net::QMTP::_deferrals($job->{to}, 'the message could not be read', 'body'));
        die $error;
    }
    $job->{total} = $content->size;
    return $content->text || $content->stretch;
}

# For the glue: what code or a handle gives, as it hands it on (see call_for_content there).
sub _content_of {
    my ($self, $to, $data, $deadline) = @_;
    my @taken = ref $data eq 'CODE' && !$deadline ? _text_of($data) : ();
    return @taken if @taken == 1;
    my $job = { to => $to, deadline => $deadline, since => Mail::Wire::_now(), source => Mail::Wire::Source->new(@taken ? @taken : $data) };
    my $size = $job->{source}->size;
    return if defined $size and not $self->{net_qmtp}{flight}->has_room($size);
    return $self->_settle($job);
}

# A reference to the text that code gives, if that is short and all of octets; else the arguments of a source that goes on from there.
sub _text_of {
    my ($code) = @_;
    my ($text, $piece) = ('');
    my ($ok, $error) = Mail::Wire::Client::_try(sub {
        while (defined($piece = $code->())) {
            return if ref $piece or utf8::is_utf8($piece) or length $text > Mail::Wire::Source::PIECE;
            $text .= $piece;
        }
    });
    return \$text if $ok and not defined $piece;
    my $next = !$ok ? sub { die $error } : sub {
        my $given = $piece;
        return $code->() if not defined $given;
        undef $piece;
        return $given;
    };
    return ($next, undef, $text);
}

# ---------------------------------------------------------------- the quick way

# What is plain is done by the glue, which has `submit` and `collect` of this class as well: they call
# Mail::Wire::Client's for everything else.

sub deliver {
    return &Mail::Wire::Client::deliver if $_[0]{net_qmtp}{nonblocking};
    my ($self, $job, $arguments) = (shift, { id => 0 }, \@_);
    my $results = $self->_own($job, sub {
        $self->_quick($job->{id}, @$arguments) and return;
        %$job = %{ $self->_job(deliver => @$arguments) };
        $self->_launch($job);
    }, $arguments);
    return wantarray ? @$results : $results;
}

# ---------------------------------------------------------------- running

sub _launch {
    my ($self, $job) = @_;
    my $from = defined $job->{from} ? "$job->{from}" : '';    # maybe the caller's code, under which the content is still looked after
    my $errno = 0 + $!;
    my @content = $self->_settle($job);
    $! = $errno;
    my $facts = $self->_facts;
    $facts->{error} = '' if not $facts->{flight}->unanswered;
    my $left = Mail::Wire::Client::_left($job);
    $self->_launching($job);
    my $id = $facts->{flight}->add($job->{id}, $from, @{$job}{qw(to eol)}, $left, @content);
    $self->_launched;
    return $id;
}

sub _run {
    my ($self, @how) = @_;
    my $facts = $self->_facts;
    my $link = $facts->{link};
    return $facts->{flight}->run($link, @how);
}

sub _unanswered { $_[0]{net_qmtp}{flight}->unanswered }
sub _oldest     { $_[0]{net_qmtp}{flight}->oldest }
sub _take       { $_[0]{net_qmtp}{flight}->take($_[1], $_[0]{net_qmtp}) }
sub _sent       { $_[0]{net_qmtp}{flight}->sent($_[0]{net_qmtp}{link}, $_[1]) }

sub _delivered {
    my ($self, $results) = @_;
    $self->{net_qmtp}{results} = $results;
    return $self->_noted($results);
}

sub _noted {
    my ($self, $results) = @_;
    return if not $self->{net_qmtp}{debug};
    $self->_debug($_->as_string) foreach @$results;
    return;
}

sub _is_taken { $_[0]{net_qmtp}{sending} || $_[0]{net_qmtp}{in_callback} || $_[0]{net_qmtp}{flight}->busy }

sub _deferrals_for { Net::QMTP::_deferrals($_[1], $_[2], 'body') }

# What is on its way cannot be taken back but by closing: "a client that closes before [the end] has sent nothing".
sub _callback_died { $_[0]->_give_up($_[1]) }
sub _interrupted   { $_[0]->_give_up($_[1]) }

sub _give_up {
    my ($self, $id) = @_;
    my $facts = $self->_facts;
    $facts->{flight}->give_up($facts->{link}, $id, 'interrupted');
    $self->_drop_link;
    return;
}

# ---------------------------------------------------------------- links

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
    if (not defined $own->{server} or not length $own->{server}) {
        ($@, $!) = ('no server to connect to', EINVAL);
        return;
    }
    my @place = map { Net::QMTP::_octets("$_") } @$own{qw(server port)};
    my ($host, $port) = Mail::Wire::Dial::place(@place);
    $self->_debug("connecting to $host" . (defined $port ? " port $port" : ''));
    return Mail::Wire::Dial->start(@place, $own->{local}, $own->{family}, $own->{seconds}{ConnectTimeout});
}

# What the dial's into says of it.
sub _linked {
    my ($self, $dial, $may_wait) = @_;
    my $own = $self->{net_qmtp};
    my $link = Symbol::gensym();
    my $is = $dial ? $dial->into($link, $may_wait) : undef;
    return $is if not $is;
    bless($link, 'Net::QMTP::Link')->_attach;
    $own->{link} = $link;
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
    my $errno = 0 + $!;
    CORE::close $_ for @links;
    $! = $errno;
    return scalar @links;
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
    my $seconds = $facts->{seconds}{ConnectTimeout};
    local $facts->{seconds}{ConnectTimeout} = $left >= 0 && ($left < $seconds || !$seconds) ? $left || 0.001 : $seconds;
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
    my ($link, $dial) = @{ $self->_facts }{qw(link dial)};
    return $link ? CORE::fileno($link) : $dial && $dial->fileno >= 0 ? $dial->fileno : undef;
}

sub wants_read {
    my ($self) = @_;
    return $self->_facts->{link} && $self->_unanswered > 0;
}

# A connection is made when it can be written to.
sub wants_write {
    my ($self) = @_;
    my ($link, $dial) = @{ $self->_facts }{qw(link dial)};
    return $link ? $link->wants_write : defined $dial;
}

sub _timeout_in {
    my ($self) = @_;
    my ($flight, $link, $dial) = @{ $self->_facts }{qw(flight link dial)};
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
