package Mail::Wire::Command::Drain;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Errno qw(EINTR ENOENT);
use Fcntl qw(LOCK_EX LOCK_NB);
use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Bounce ();
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Message ();
use Mail::Wire::Command::Report ();
use Mail::Wire::Command::Window ();

# mailwire drain: what serialmail's maildirsmtp, maildirqmtp and serialqmtp do. A message that is on its way is locked by flock on its file; who
# has waited for nothing looks whether that file still has this name, as another process may have sent and removed it in between.

use constant DAY => 86_400;

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, Mail::Wire::Command::Connection::OPTIONS, Mail::Wire::Command::Report::OPTIONS,
        qw(prefix=s bounce-after=s bounce-command=s new-only serial));
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    my $self = bless { option => $option, url => $url, report => Mail::Wire::Command::Report->new($option) }, $class;
    _check($option, \@arguments);
    return $option->{serial} ? $self->_serve_names : $self->_drain($arguments[0]);
}

sub _check {
    my ($option, $arguments) = @_;
    my ($days, $wanted) = ($option->{'bounce-after'}, $option->{serial} ? 0 : 1);
    fail(USAGE, "--bounce-after: days are a number, 0 or more, not '$days'") if defined $days and $days !~ /\A[0-9]+(?:\.[0-9]+)?\z/;
    fail(USAGE, '--serial reads the names on standard input: no --bounce-after, as its caller does that') if defined $days and not $wanted;
    fail(USAGE, 'no Maildir: give its folder behind the URL') if @$arguments < $wanted or $wanted && not length $arguments->[0];
    fail(USAGE, "what is '$arguments->[$wanted]'?" . ($wanted ? ' One Maildir at a time' : ' --serial reads the names on standard input'))
        if @$arguments > $wanted;
    return;
}

# ---------------------------------------------------------------- a Maildir

sub _drain {
    my ($self, $maildir) = @_;
    my @paths = $self->_messages($maildir);
    return OK if not @paths;
    my $window = Mail::Wire::Command::Window->new($self->{url}, $self->{option}, sub { $self->_told(@_) });
    while (@paths and not defined stopped()) { $self->_submit($window, shift @paths) }
    $window->finish;
    $window->close;
    $self->{report}->summary;
    return Mail::Wire::Command::Report::worst($self->{report}->code, @paths ? TRY_AGAIN : OK);
}

# The oldest first. A folder that nothing can be removed from would be sent again and again.
sub _messages {
    my ($self, $maildir) = @_;
    my @paths;
    foreach my $folder (map {"$maildir/$_"} 'new', $self->{option}{'new-only'} ? () : 'cur') {
        opendir my $in, $folder or fail(NO_INPUT, "$folder: $!; is $maildir a Maildir?");
        fail(NO_PERMISSION, "$folder: messages could not be removed: no permission to write") if not -w $folder;
        push @paths, map {"$folder/$_"} grep { !/\A\./ } readdir $in;
    }
    my %age = map { $_ => m{/(\d+)[^/]*\z} ? $1 : 0 } @paths;
    @paths = sort { $age{$a} <=> $age{$b} or $a cmp $b } @paths;
    return @paths;
}

sub _submit {
    my ($self, $window, $path) = @_;
    my $job = eval { _locked($path) };
    if (not $job) {
        $self->{report}->unsent($path, failure($@)) if $@;
        return;
    }
    my %arguments = eval { $self->_arguments($job->{message} = Mail::Wire::Command::Message->new($job->{file}, $path)) };
    if   (not %arguments) { $self->{report}->unsent($path, failure($@)) }
    else                  { $window->submit($job, %arguments) }
    return;
}

# Nothing: another process has it, or had it.
sub _locked {
    my ($path) = @_;
    open my $file, '+<:raw', $path or $! == ENOENT ? return : fail(NO_INPUT, "$path: $!");
    fail(NO_INPUT, "$path: is no plain file") if not -f $file;
    flock $file, LOCK_EX | LOCK_NB or return;
    my %job = (path => $path, file => $file, id => _id($file));
    my $is_there = _id($path);
    return defined $is_there && $is_there eq $job{id} ? \%job : ();
}

sub _id {
    my ($device, $inode) = stat $_[0] or return;
    return "$device:$inode";
}

# As qmail-local and others write them on top. The one line is gone with the envelope, so that it does not look like a loop.
sub _arguments {
    my ($self, $message) = @_;
    my ($from, $to) = $message->take_off(['X-Original-To'], 'Return-Path', 'Delivered-To');
    my $prefix = defined $self->{option}{prefix} ? $self->{option}{prefix} : '';
    fail(REFUSED, 'no Return-Path on top of it') if not defined $from;
    fail(REFUSED, 'no Delivered-To on top of it') if not defined $to or not length $to;
    $from =~ s/\A<(.*)>\z/$1/;
    $to =~ s/\A<(.*)>\z/$1/;
    fail(REFUSED, "Delivered-To: $to does not begin with $prefix and go on") if index($to, $prefix) != 0 or length $to == length $prefix;
    return (From => $from, To => substr($to, length $prefix), $message->content);
}

sub _told {
    my ($self, $job, @results) = @_;
    my $report = $self->{report};
    my @bad = grep { !$_->is_success } @results;
    my $is_done = @bad ? eval { $self->_bounced($job, @bad) } : 1;
    my @why = defined $is_done ? () : failure($@);

    # Before it is told, which may fail: what was delivered would be sent again.
    eval { _remove($job) if $is_done; 1 } or @why = failure($@);
    $report->results($job->{path}, @results);
    $report->unsent($job->{path}, @why) if @why;
    return;
}

# True when the sender knows. The null sender is nobody who could be told.
sub _bounced {
    my ($self, $job, @bad) = @_;
    my $days = $self->{option}{'bounce-after'};
    return 0 if not defined $days;
    my $is_over = time - (stat $job->{file})[9] > $days * DAY;
    return 0 if not $is_over and grep { !$_->is_failure } @bad;
    return 0 if defined stopped() and grep { $_->stage eq 'connect' } @bad;    # it was not tried
    my ($from) = map { $_->[1] } $job->{message}->fields('Return-Path');
    $from =~ s/\A<(.*)>\z/$1/;
    return 0 if not length $from;
    Mail::Wire::Command::Bounce->send($self->{option}{'bounce-command'}, $from, $job->{message}->head, @bad);
    return 1;
}

# A mail reader may have moved it to cur, or given it other flags, in the meantime.
sub _remove {
    my ($job) = @_;
    return if unlink $job->{path};
    my $why = "$!";
    my ($maildir, $base) = $job->{path} =~ m{\A(.*)/(?:new|cur)/([^/:]*)[^/]*\z};
    opendir my $in, "$maildir/cur" or fail(IO_ERROR, "was delivered, but cannot be removed: $why");
    foreach my $path (map {"$maildir/cur/$_"} grep { index($_, $base) == 0 } readdir $in) {
        my $id = _id($path);
        return if defined $id and $id eq $job->{id} and unlink $path;
    }
    fail(IO_ERROR, "was delivered, but cannot be removed: $why");
    return;
}

# ---------------------------------------------------------------- maildirserial's protocol

# A line for each name, in order, as soon as it is known: the caller may wait for it before it gives the next one.
sub _serve_names {
    my ($self) = @_;
    my $worst = OK;
    my $unread = '';
    while (defined(my $path = _next_name(\$unread))) {
        my ($code, $line) = eval { $self->_answer($path) };
        ($code, $line) = _as_deferral(failure($@)) if not defined $code;
        say_out(Mail::Wire::Result::_on_one_line($line), "\n");
        $worst = Mail::Wire::Command::Report::worst($worst, $code);
        last if defined stopped();
    }
    $self->{client}->quit if $self->{client} and $self->{client}->is_connected;
    return $worst;
}

sub _as_deferral {
    my ($code, $why) = @_;
    return ($code, "Z$why");
}

sub _next_name {
    my ($unread) = @_;
    my $end;
    while (($end = index $$unread, "\0") < 0) {
        my $got = interruptible(sub { sysread STDIN, $$unread, 65_536, length $$unread });
        next if not defined $got and $! == EINTR;
        fail(NO_INPUT, "standard input: $!") if not defined $got;
        fail(NO_INPUT, "standard input: a name without NUL behind it: '$$unread'") if not $got and length $$unread;
        return if not $got;
    }
    my $name = substr $$unread, 0, $end + 1, '';
    chop $name;
    return $name;
}

sub _answer {
    my ($self, $path) = @_;
    my %arguments = $self->_arguments(Mail::Wire::Command::Message->open_path($path eq '-' ? './-' : $path));
    $self->{client} = Mail::Wire::Command::Connection::dial($self->{url}, $self->{option})
        if not $self->{client} or not $self->{client}->is_connected;
    my @results = $self->{client}->deliver(%arguments);
    my $code = Mail::Wire::Command::Report::worst(map { Mail::Wire::Command::Report::code_of($_) } @results);
    my $letter = (grep { $_->is_failure } @results) ? 'D' : (grep { $_->is_deferral } @results) ? 'Z' : 'K';
    return ($code, $letter . join '; ', map { $_->as_string } @results);
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Drain - mailwire drain: sends a Maildir and removes what was accepted

=head1 SYNOPSIS

    mailwire drain URL MAILDIR
    mailwire drain --serial URL

    Sends each message in new and cur of MAILDIR, to the address in its
    Delivered-To, and removes it when the server has accepted it.

      --prefix TEXT            Delivered-To begins with it; taken off
      --new-only               leaves out cur
      --bounce-after DAYS      what is refused for good, or is older and still
                               not accepted, is reported to the sender and
                               removed; else it stays
      --bounce-command WORDS   takes the report; the sender is put behind
                               (/usr/sbin/sendmail -i -f <> --)
      --serial                 maildirserial's client: names on standard input,
                               each with NUL; answers K, Z, D, a line each
      --json                   a line of JSON for each recipient
      -q, --quiet              nothing about successes
      --trace                  shows the session

    TLS, AUTH, times: mailwire help link.   Exit codes: man mailwire.

=head1 DESCRIPTION

For a Maildir that is a queue: mail for a host or a domain that is delivered into one Maildir, and is sent on when there is a connection, as
serialmail's F<maildirsmtp> and F<maildirqmtp> do it:

    maildirqmtp ~/pppdir alias-ppp- mail.example.org
    mailwire drain --prefix alias-ppp- qmtp://mail.example.org ~/pppdir

The envelope is on top of each message, as qmail-local, Postfix and Dovecot write it: C<Return-Path> and the first C<Delivered-To>, with
C<X-Original-To> between them at the most. These two are taken off. A message without them, or whose C<Delivered-To> does not
begin with the prefix, stays, and is told of (exit code 65).

The oldest message is the first. Several processes may drain a Maildir at once: each message is locked (flock) while it is on its way, and others
pass it. A message that a mail reader moves from new to cur in the meantime is removed from there.

Nothing is removed but what was accepted, and what was reported. A message that may have been delivered, as the link was lost before the
server's answer, stays, and will be sent again; so does one that this process had no time to remove when it was killed, and one that is there
again as the machine lost its power just after it was removed.

=head2 --bounce-after DAYS

What is refused for good is reported at once, what is deferred when its file is older than so many days, also fractions. The report (RFC 3464) has
the header of the message. A message of the null sender stays: there is nobody to tell.

=head2 --serial

In place of F<serialsmtp> and F<serialqmtp>:

    maildirserial -b -t 1209600 ~/pppdir alias-ppp- mailwire drain --serial --prefix alias-ppp- qmtp://mail.example.org

Names are read from standard input, each ending in a NUL. For each there is a line: C<K> accepted, C<Z> not now, C<D> refused for good, and the
server's words. Nothing is removed: that is for the caller. What cannot be read is C<Z>.

=head1 SEE ALSO

L<mailwire>, L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
