package Mail::Wire::Login;

use 5.010001;
use strict;
use warnings;
use re 'taint';

our $VERSION = '1.000';

use Errno qw(EPROTO);
use Mail::Wire::AUTH ();
use Mail::Wire::Client ();
use Mail::Wire::Dial ();
use Mail::Wire::Options ();
use Mail::Wire::Peer ();
use Mail::Wire::Proxied ();
use Mail::Wire::TLS ();
use Net::Cmd qw(CMD_OK);

# What Net::LMTP does on a connection before it can send mail, step by step. (That there is a connection, and TLS from the start, are phases of
# Mail::Wire::Dial.) A step is a row:
#
#   its name, for $@
#   the stage of StageTimeout that its waits have
#   whether it is taken, a method; undef: always
#   the method that takes it, with the settings of the login and the seconds: true when it went well. Else the status says why, or `why` of the
#   settings: [ words, number for $! ]
#   for those who must not wait, the same in two methods: one that says what is to be said, undef for nothing; true when it could
#   and one that reads the reply, which is there: 1 it went well, 0 it did not, undef another reply is awaited
#
# What the server is asked for and answers in one step is the next row's to use.

my @secure = (
    [ STARTTLS => 'lhlo', \&_wants_tls, \&_ask_for_tls, \&_say_starttls, \&_is_granted_tls ],
    [ TLS      => 'tls',  \&_may_begin, \&_secure,      \&_shake,        \&_has_shaken ],
    [ LHLO     => 'lhlo', \&_may_begin, \&_introduce,   \&_say_hello,    \&_is_introduced ],
);

my @proxied = (
    [ XCLIENT => 'lhlo', \&_has_client, \&_speak_for, \&_say_client, \&_is_client ],
    [ LHLO    => 'lhlo', \&_has_client, \&_introduce, \&_say_hello,  \&_is_introduced ],
);

my @prove = (
    [ AUTH => 'auth', \&_has_login, \&_prove,           \&_say_auth,  \&_is_proven ],
    [ LHLO => 'lhlo', \&_has_login, \&_introduce_again, \&_say_hello, \&_is_introduced_again ],
);

my @steps = (
    [ greeting => 'greeting', undef,         \&_be_greeted, undef,         \&_be_greeted ],
    [ LHLO     => 'lhlo',     \&_says_hello, \&_introduce,  \&_say_hello, \&_is_introduced ],
    @secure,
    @proxied,
    @prove,
);

# How long a step may take: its stage's own time, but no longer than a Timeout that was asked for.
sub _patience {
    my ($set, $stage) = @_;
    my $seconds = $set->{StageTimeout}{$stage};
    $seconds = Mail::Wire::TLS::SECONDS if not defined $seconds and $stage eq 'tls';
    return defined $seconds ? Mail::Wire::Options::least($seconds, $set->{cap}) : $set->{Timeout};
}

# The name of the step that failed; nothing: all went well.
sub _take_steps {
    my ($self, $set, @rows) = @_;
    foreach my $row (@rows) {
        my ($name, $stage, $is_taken, $take) = @$row;
        next if $is_taken and not $self->$is_taken($set);
        my $seconds = _patience($set, $stage);
        local ${*$self}{io_socket_timeout} = $seconds;
        ($@, $!) = ('', 0);    # response has a line there that is no reply
        $self->$take($set, $seconds) or return $name;
    }
    return;
}

# For new: true, or the object is closed, and $@ and $! say why.
sub _login {
    my ($self, $set) = @_;
    my $step = $self->_take_steps($set, @steps) or return 1;
    return $self->_login_failed($set, $step);
}

sub _login_failed {
    my ($self, $set, $step) = @_;
    my ($unread, $errno) = ($@, 0 + $!);
    my @status = ($self->code, scalar $self->message);
    $unread = $status[1] =~ /\A\[/ ? $self->_unfinished : '' if length $status[1];
    $unread = '' if $unread =~ /\A[1-5][0-9][0-9]/;
    my $why = $set->{why} || [
        Mail::Wire::Peer::words($step, @status, $unread, $self->_facts->{banner}), Mail::Wire::Peer::errno($errno, $status[1]),
    ];
    $self->close;
    ($@, $!) = (ref($self) . ": $why->[0]", $why->[1]);
    return 0;
}

# ---------------------------------------------------------------- without a wait

# For those who must not wait: as _login, or undef when it would have to be waited for. Then fileno is to be watched, as wants_write of the
# settings' `shake` says, if there is one, else for reading; `ends` of the settings is when the step has taken too long.
sub _login_on {
    my ($self, $set) = @_;
    my $rows = $set->{rows} ||= [@steps];
    while (my $row = $rows->[0]) {
        my $is = $self->_step_on($set, $row);
        return undef if not defined $is;    ## no critic (ProhibitExplicitReturnUndef)
        return $self->_login_failed($set, $row->[0]) if not $is;
        shift @$rows;
    }
    return 1;
}

# 1 the step is taken, 0 it failed, undef it waits.
sub _step_on {
    my ($self, $set, $row) = @_;
    my (undef, $stage, $is_taken, undef, $say, $hear) = @$row;
    if (not $set->{is_said}) {
        return 1 if $is_taken and not $self->$is_taken($set);
        ($@, $!) = ('', 0);
        return 0 if $say and not $self->$say($set);
        $self->_wait_for_step($set, $stage);
    }
    my $is_late = $set->{ends} && Mail::Wire::_now() >= $set->{ends};
    local ${*$self}{io_socket_timeout} = 1e-3 if $is_late;
    while ($is_late or $set->{shake} or $self->_is_replied) {
        my $is = $self->$hear($set, $is_late);
        $set->{is_said} = 0 if defined $is;
        return $is if defined $is or $set->{shake};
        $self->_wait_for_step($set, $stage);
    }
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

sub _wait_for_step {
    my ($self, $set, $stage) = @_;
    my $seconds = _patience($set, $stage);
    @{$set}{qw(is_said ends)} = (1, $seconds ? Mail::Wire::_now() + $seconds : 0);
    return;
}

# What a login that is over was like.
sub _usual { return $_[0]->_facts->{login} || { StageTimeout => {}, name => '', ssl => {} } }

# For steps behind a login: whether they went well. When something dies inside, a link on which the server has granted the first is lost.
sub _take_again {
    my ($self, $set, $what, @rows) = @_;
    @{$set}{qw(is_granted why Timeout Hello)} = (0, undef, $self->timeout, $self->_facts->{hello});
    my $failed;
    my ($ok, $died) = Mail::Wire::Client::_try(sub { $failed = $self->_take_steps($set, @rows) });
    return not defined $failed if $ok;
    $self->_lose("$what: interrupted") if $set->{is_granted};
    die $died;
}

# ---------------------------------------------------------------- greeting and LHLO

sub _says_hello { $_[1]{hello} }

sub _be_greeted {
    my ($self) = @_;
    return 0 if $self->response != CMD_OK;
    return $self->_note_greeting;
}

sub _note_greeting {
    my ($self) = @_;
    my ($greeting) = $self->message;
    @{ $self->_facts }{qw(banner domain)} = ($greeting, defined $greeting && $greeting =~ /\A\s*(\S+)/ ? $1 : undef);
    return 1;
}

sub _introduce {
    my ($self, $set) = @_;
    return $self->_note_name($self->hello($set->{Hello}));
}

sub _note_name {
    my ($self, $name) = @_;
    $self->_facts->{domain} = $name if not defined $self->_facts->{domain};
    return $name;
}

sub _say_hello {
    my ($self, $set) = @_;
    $set->{Hello} = Net::LMTP::_our_name() if not defined $set->{Hello} or not length $set->{Hello};
    return $self->command(LHLO => $set->{Hello});
}

sub _is_introduced {
    my ($self, $set) = @_;
    return 0 if $self->response != CMD_OK;
    $self->_note_name($self->_greeted_as($set->{Hello}));
    return 1;
}

# ---------------------------------------------------------------- STARTTLS (RFC 3207)

sub starttls {
    my ($self, %option) = @_;
    my ($error, $errno) = ($@, 0 + $!);
    return $self->_out_of_place('TLS has begun already') || 0 if $self->is_tls;
    $self->_read_unread('starttls');
    my $usual = $self->_usual;
    my $plan = Mail::Wire::TLS::plan({ %{ $usual->{ssl} }, %option });
    if (not $plan or not Mail::Wire::TLS::fits($plan, $usual->{name})) {
        $self->set_status(580, ["$@\n"]);
        return 0;
    }
    $self->_take_again({ %$usual, StartTLS => 'require', plan => $plan }, 'TLS', @secure) or return 0;
    ($@, $!) = ($error, $errno);
    return 1;
}

sub _wants_tls {
    my ($self, $set) = @_;
    my $how = $set->{StartTLS};
    return defined $how && ($how eq 'require' || defined $self->supports('STARTTLS'));
}

sub _may_begin { $_[1]{is_granted} }

# RFC 3207 4: 220 alone means that the handshake may begin. Behind another success nobody knows what the server waits for.
sub _ask_for_tls {
    my ($self, $set) = @_;
    return $self->_can_start_tls && $self->_judge_starttls($set, $self->_STARTTLS);
}

sub _say_starttls { return $_[0]->_can_start_tls && $_[0]->command('STARTTLS') }
sub _is_granted_tls { return $_[0]->_judge_starttls($_[1], $_[0]->response == CMD_OK) ? 1 : 0 }

sub _can_start_tls {
    my ($self) = @_;
    return 1 if defined $self->supports('STARTTLS');
    $self->_out_of_place('STARTTLS is not offered by the server');
    return 0;
}

sub _judge_starttls {
    my ($self, $set, $is_taken) = @_;
    $set->{is_granted} = $is_taken && $self->code == 220;
    return 1 if $set->{is_granted};
    $self->_lose('STARTTLS: another success than 220') if $is_taken;
    return $set->{StartTLS} eq 'offered' && $self->code =~ /\A[45]/ && $self->opened;
}

sub _secure {
    my ($self, $set, $seconds) = @_;
    return $self->_shake($set, $seconds) && $self->_is_secured($set, $set->{shake}->go);
}

# Bytes in plain text behind the 220 are nobody's: in TLS the client speaks first.
sub _shake {
    my ($self, $set, $seconds) = @_;
    $seconds = _patience($set, 'tls') if not defined $seconds;
    my $is_silent = $self->_is_silent;
    $set->{shake} = $is_silent && Mail::Wire::TLS->start($set->{plan}, $self, $set->{name}, $seconds);
    return 1 if $set->{shake};
    $set->{why} = $is_silent ? [ $@, 0 + $! ] : [ 'TLS: bytes in plain text behind the reply to STARTTLS', EPROTO ];
    $self->_lose($set->{why}[0]);
    return 0;
}

sub _has_shaken {
    my ($self, $set) = @_;
    my $is = $set->{shake}->step;
    return undef if defined $is and not $is;    ## no critic (ProhibitExplicitReturnUndef)
    return $self->_is_secured($set, $is);
}

sub _is_secured {
    my ($self, $set, $is) = @_;
    delete $set->{shake};
    if ($is) {
        @{ $self->_facts }{qw(banner domain)} = ();    # anybody may have said them
        return 1;
    }
    $set->{why} = [ $@, 0 + $! ];
    $self->_lose($set->{why}[0]);
    return 0;
}

# ---------------------------------------------------------------- XCLIENT (Postfix)

sub xclient {
    my ($self, @attributes) = @_;
    my ($error, $errno) = ($@, 0 + $!);
    my $attributes = Mail::Wire::Proxied::attributes(xclient => @attributes);
    $self->_read_unread('xclient');
    $self->_take_again({ %{ $self->_usual }, XClient => $attributes }, 'XCLIENT', @proxied) or return 0;
    ($@, $!) = ($error, $errno);
    return 1;
}

sub _has_client { defined $_[1]{XClient} }

# Its 220 is a new greeting.
sub _speak_for {
    my ($self, $set) = @_;
    return $self->_judge_client($set, $self->_tell(XCLIENT => $set->{XClient}));
}

sub _say_client {
    my ($self, $set) = @_;
    my @words = $self->_told(XCLIENT => $set->{XClient}) or return 0;
    return $self->command(XCLIENT => @words);
}

sub _is_client { return $_[0]->_judge_client($_[1], $_[0]->response == CMD_OK) ? 1 : 0 }

sub _judge_client {
    my ($self, $set, $is_taken) = @_;
    $set->{is_granted} = $is_taken && $self->code == 220;
    return $self->_note_greeting if $set->{is_granted} and $self->_is_silent;
    $self->_lose('XCLIENT: ' . ($set->{is_granted} ? 'more than its reply has come' : 'another success than 220')) if $is_taken;
    return 0;
}

# ---------------------------------------------------------------- AUTH (RFC 4954)

# A user and a password, or an Authen::SASL; options behind them.
sub auth {
    my ($self, $user, @arguments) = @_;
    my ($error, $errno) = ($@, 0 + $!);
    my ($password, %option) = @arguments % 2 ? @arguments : (undef, @arguments);
    my ($who, $wrong) = Mail::Wire::AUTH::who({ %{ $self->_facts->{auth} || {} }, %option, User => $user, Password => $password });
    return $self->_refuse(defined $wrong ? $wrong : 'auth needs a user') || 0 if not $who;
    $self->_read_unread('auth');
    return $self->_out_of_place('AUTH is no command of a transaction') || 0 if not $self->opened or $self->_in_transaction;
    $self->_take_again({ %{ $self->_usual }, who => $who }, 'AUTH', @prove) or return 0;
    ($@, $!) = ($error, $errno);
    return 1;
}

sub _has_login { $_[1]{who} }

sub _prove {
    my ($self, $set) = @_;
    $set->{is_granted} = 1;
    return Mail::Wire::AUTH::authenticate($self, $set->{who}) || _unproven($self, $set, 'AUTH');
}

sub _say_auth {
    my ($self, $set) = @_;
    $set->{is_granted} = 1;
    $set->{exchange} = Mail::Wire::AUTH::begun($self, $set->{who});
    return 1 if $set->{exchange};
    return _unproven($self, $set, 'AUTH');
}

sub _is_proven {
    my ($self, $set) = @_;
    my $is = Mail::Wire::AUTH::heard($self, $set->{exchange});
    return defined $is && !$is ? _unproven($self, $set, 'AUTH') : $is;
}

# What is no reply is in $@, and it may be a secret: new has its words from here.
sub _unproven {
    my ($self, $set, $step) = @_;
    my @lines = $self->message;
    chomp @lines;
    $set->{why} = [ join(' ', "$step:", $self->code, join '; ', @lines), Mail::Wire::Peer::errno(0 + $!, @lines ? $lines[-1] : '') ];
    return 0;
}

# Servers offer other things to those whom they know. The status stays that of AUTH.
sub _introduce_again {
    my ($self, $set) = @_;
    my @status = ($self->code, [ $self->message ]);
    return $self->set_status(@status) if $self->_introduce($set);
    return $self->_not_introduced_again($set);
}

sub _is_introduced_again { return $_[0]->_is_introduced($_[1]) || $_[0]->_not_introduced_again($_[1]) }

sub _not_introduced_again {
    my ($self, $set) = @_;
    $@ = '';
    return _unproven($self, $set, 'LHLO');
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Login - from a connection to a session that mail can be sent in

=head1 DESCRIPTION

Internal to Mail-Wire: what C<new>, C<starttls>, C<xclient> and C<auth> of L<Net::LMTP> do, as a list of steps. It may change in any release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
