package Mail::Wire::Command::Import;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Report ();
use Mail::Wire::Import ();
use Mail::Wire::Import::Envelope ();
use Mail::Wire::Import::Progress ();
use Mail::Wire::Import::Refused ();
use Mail::Wire::Import::Sources ();
use Mail::Wire::Import::Summary ();
use Mail::Wire::Journal ();
use Mail::Wire::Mailbox::Kind ();
use Mail::Wire::Result ();
use Mail::Wire::Words ();

# mailwire import: mailboxes of every kind, with a journal.

use constant OPTIONS => qw(
    from|f=s from-header=s to=s@ to-header=s map=s folders labels not-label=s@ separator=s hierarchy=s format=s
    links=i window=i rate=f max-per-link=i retry=i journal=s in-doubt=s dedupe dry-run check-recipients save-refused=s verbose|v);

use constant { LINKS => 4, WINDOW => 500, WINDOW_MAX => 100_000, LINKS_MAX => 255, RATE_MAX => 1_000_000 };

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, OPTIONS, Mail::Wire::Command::Connection::OPTIONS, Mail::Wire::Command::Report::OPTIONS);
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    _check($option, $url, @arguments);
    my $self = bless {
        option => $option, url => $url, is_dry => $option->{'dry-run'} || $option->{'check-recipients'}, code => OK, streak => 0,
        summary => Mail::Wire::Import::Summary->new,
        sources => Mail::Wire::Import::Sources->new(paths => \@arguments, format => $option->{format}),
        report  => Mail::Wire::Command::Report->new({ %$option, quiet => !$option->{verbose} }),
    }, $class;
    $self->_prepare;
    $self->_import;
    $self->_tell_end;
    return Mail::Wire::Command::Report::worst($self->{code}, $self->{report}->code);
}

sub _check {
    my ($option, $url, @paths) = @_;
    fail(USAGE, 'no mailbox: give its path, or - for standard input') if not @paths or grep { not length } @paths;
    fail(USAGE, '- is standard input, which can be read once') if 1 < grep { $_ eq '-' } @paths;
    foreach my $path (grep { $_ ne '-' } @paths) { -e $path or fail(NO_INPUT, "$path: $!") }
    _check_addresses($option);
    _check_numbers($option);
    my $format = $option->{format};
    fail(USAGE, "--format $format: one of " . join ' ', Mail::Wire::Mailbox::Kind::formats())
        if defined $format and not grep { $_ eq $format } Mail::Wire::Mailbox::Kind::formats();
    my $doubt = $option->{'in-doubt'};
    fail(USAGE, "--in-doubt $doubt: report, resend or skip") if defined $doubt and $doubt !~ /\A(?:report|resend|skip)\z/;
    fail(USAGE, '--check-recipients: QMTP has no way to ask for a recipient without sending') if $option->{'check-recipients'} and $url =~ /\Aqmtp/i;
    return;
}

sub _check_addresses {
    my ($option) = @_;
    fail(USAGE, 'no recipients: give --to ADDRESS, or --to-header Delivered-To,X-Original-To to take them from each message')
        if not $option->{to} and not defined $option->{'to-header'};
    fail(USAGE, '--to: the address is empty') if grep { not length } @{ $option->{to} || [] };
    fail(USAGE, '--to and --to-header: one of them') if $option->{to} and defined $option->{'to-header'};
    fail(USAGE, '--from and --from-header: one of them') if defined $option->{from} and defined $option->{'from-header'};
    return;
}

sub _check_numbers {
    my ($option) = @_;
    my ($retry, $rate) = @{$option}{qw(retry rate)};
    fail(USAGE, "--retry $retry: a number, 0 or more") if defined $retry and $retry < 0;
    foreach my $name (grep { defined $option->{$_} } qw(links window max-per-link)) {
        fail(USAGE, "--$name $option->{$name}: a number from 1 on is needed") if $option->{$name} < 1;
    }
    fail(USAGE, '--window: at most ' . WINDOW_MAX) if ($option->{window} || 0) > WINDOW_MAX;
    fail(USAGE, '--links: at most ' . LINKS_MAX)   if ($option->{links} || 0) > LINKS_MAX;
    fail(USAGE, "--rate $rate: messages a second, above 0, up to a million") if defined $rate and not($rate > 0 and $rate <= RATE_MAX);
    return;
}

# ---------------------------------------------------------------- before the first message

sub _prepare {
    my ($self) = @_;
    my $option = $self->{option};
    my %new = Mail::Wire::Command::Connection::settings($option);
    $self->{envelope} = _usable(USAGE, sub { _envelope($option) });
    my $link = Mail::Wire::Command::Connection::dial($self->{url}, $option);
    $self->{asked} = $self->{is_dry} && $option->{'check-recipients'} ? $link : undef;
    $link->quit if not $self->{asked};
    $self->{journal} = _usable(CANT_CREATE, sub { $self->_journal }) if defined $option->{journal};
    $self->{refused} = _usable(CANT_CREATE, sub { Mail::Wire::Import::Refused->new($option->{'save-refused'}) })
        if defined $option->{'save-refused'} and not $self->{is_dry};
    $self->{pool} = halted_by_signals(_usable(USAGE, sub { $self->_pool(%new) })) if not $self->{is_dry};
    $self->_tell_beginning;
    return;
}

# What the code returns; what it croaks of ends the command.
sub _usable {
    my ($code, $make) = @_;
    my $made = eval { $make->() };
    return $made if defined $made;
    die $@ if ref $@;
    return fail($code, Mail::Wire::Words::said($@));
}

sub _envelope {
    my ($option) = @_;
    my %in = (
        sender => $option->{from}, recipients => $option->{to},
        map => defined $option->{map} ? Mail::Wire::Import::Envelope::map_of($option->{map}) : undef,
        by_folders => $option->{folders}, by_labels => $option->{labels}, not_labels => $option->{'not-label'},
        separator => $option->{separator}, hierarchy => $option->{hierarchy},
        sender_headers => _names($option->{'from-header'}), recipient_headers => _names($option->{'to-header'}),
    );
    return Mail::Wire::Import::Envelope->new(map { $_ => $in{$_} } grep { defined $in{$_} } keys %in);
}

sub _names {
    my ($list) = @_;
    return defined $list ? [ split /\s*,\s*/, $list ] : undef;
}

sub _pool {
    my ($self, %new) = @_;
    require Mail::Wire::Pool;
    my $option = $self->{option};
    my %in = (
        Links => $option->{links} || LINKS, Rate => $option->{rate}, MaxPerLink => $option->{'max-per-link'}, Retries => $option->{retry},
        Backlog => $self->_window, InDoubt => ($option->{'in-doubt'} || '') eq 'resend' ? 'resend' : 'report',
    );
    return Mail::Wire::Pool->new($self->{url}, %new, map { $_ => $in{$_} } grep { defined $in{$_} } keys %in);
}

sub _window { return $_[0]{option}{window} || WINDOW }

# A dry run only reads one that is there.
sub _journal {
    my ($self) = @_;
    my $path = $self->{option}{journal};
    if ($self->{is_dry}) {
        return '' if not -e $path;
        return Mail::Wire::Journal->new($path, $self->{url}, 1);
    }
    return Mail::Wire::Journal->new($path, $self->{url});
}

# ---------------------------------------------------------------- running

sub _import {
    my ($self) = @_;
    my $sources = $self->{sources};
    $self->{progress} = Mail::Wire::Import::Progress->new(handle => \*STDERR, total => -t STDERR ? $sources->total : undef)
        if not $self->{option}{quiet};
    my $import = $self->{import} = Mail::Wire::Import->new(
        pool => $self->{pool}, envelope => $self->{envelope}, window => $self->_window, journal => $self->{journal},
        sends_doubts => ($self->{option}{'in-doubt'} || '') eq 'resend', is_deduping => $self->{option}{dedupe},
        keeps   => $self->{refused} && sub { $self->_keep(@_) },
        told    => sub { $self->_told(@_) },
        failed  => sub { $self->_failed(@_) },
        stopped => sub { defined stopped() || $self->{is_lost} },
    );
    my $error;
    eval { $import->run(sub { $sources->next }); 1 } or $error = $@;
    if (defined $error) { $self->_give_up($error) }
    $self->_check_recipients if $self->{asked};
    $self->{pool}->close if $self->{pool};
    $self->{progress}->clear if $self->{progress};
    return;
}

# The journal cannot be written, or the like: nothing more is sent, and what was is waited for.
sub _give_up {
    my ($self, $error) = @_;
    $self->{progress}->clear if $self->{progress};
    print STDERR 'mailwire import: ', _words($error), "; nothing more is sent\n";
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, ref $error ? $error->{code} : IO_ERROR);
    return if eval { $self->{import}->finish; 1 };
    print STDERR 'mailwire import: ', _words($@), "; the next run has as in doubt what is not in it\n";
    return;
}

sub _words { return ref $_[0] ? $_[0]{text} : Mail::Wire::Words::said($_[0]) }

sub _keep {
    my ($self, $job, $results) = @_;
    my @refused = grep { $_->is_failure } @$results;
    $self->{refused}->add($job->{message}, @refused) if @refused;
    return;
}

sub _told {
    my ($self, $job, $results) = @_;
    my $message = $job->{message};
    $self->{summary}->add(@$results);
    $self->_note_silence(@$results);
    if ($self->{progress}) {
        $self->{progress}->clear if @$results != grep { $_->is_success } @$results;
        $self->{progress}->update(++$self->{messages}, $self->{sources}->read_with($message));
    }
    $self->{report}->results(sub { _name($message) }, @$results);
    return;
}

sub _name {
    my ($message) = @_;
    return $message->path . ($message->offset ? ' at ' . $message->offset : '');
}

# A server that does not answer at all any more: the rest of the mail is better left for another run.
sub _note_silence {
    my ($self, @results) = @_;
    if (defined stopped() or grep { $_->stage ne 'connect' } @results) {
        $self->{streak} = 0;
        return;
    }
    return if $self->{is_lost} or ++$self->{streak} < $self->_window;
    $self->{is_lost} = 1;
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, UNAVAILABLE);
    $self->{progress}->clear if $self->{progress};
    print STDERR "mailwire import: $self->{url} does not answer any more: nothing more is sent\n";
    return;
}

sub _failed {
    my ($self, $error) = @_;
    $self->{progress}->clear if $self->{progress};
    print STDERR 'mailwire import: not read: ', Mail::Wire::Words::said($error), "\n";
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, NO_INPUT);
    return;
}

# ---------------------------------------------------------------- --check-recipients

sub _check_recipients {
    my ($self) = @_;
    my $link = $self->{asked};
    foreach my $recipient (sort keys %{ $self->{import}->recipients }) {
        last if defined stopped();
        my $is_mail = $link->mail(defined $self->{option}{from} ? $self->{option}{from} : '');
        $link->recipient($recipient) if $is_mail;
        (my $words = $link->message) =~ s/\n\z//;
        my $result = Mail::Wire::Result->_new($recipient, 0, $link->code, $words, $is_mail ? 'rcpt' : 'mail');
        $self->{summary}->add($result);
        $self->{report}->results(undef, $result);
        $link->reset;
    }
    $link->quit;
    return;
}

# ---------------------------------------------------------------- what is told

sub _tell_beginning {
    my ($self) = @_;
    return if $self->{option}{quiet};
    my ($option, $journal) = @{$self}{qw(option journal)};
    my @lines = 'LMTP and QMTP carry no flags, such as read or answered, and no dates of arrival: messages come as new ones';
    push @lines, 'nor folders: all go to the inbox, unless the server sorts them; see --folders and --labels'
        if not $option->{folders} and not $option->{labels};
    push @lines, 'without --journal a run that is stopped cannot go on where it was' if not $journal and not $self->{is_dry};
    push @lines, "the journal's last " . $journal->torn . ' bytes were not whole: they tell of nothing that was sent' if $journal and $journal->torn;
    print STDERR map {"$_\n"} @lines;
    return;
}

sub _tell_end {
    my ($self) = @_;
    $self->_tell_doubts if $self->{journal};
    my $count = $self->{import}->count;
    my $nobody = $count->{nobody};
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, REFUSED) if $nobody and not defined $self->{option}{map};
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, TRY_AGAIN) if defined stopped();
    if ($self->{report}->is_json) { $self->{report}->object({ summary => $self->_facts }) }
    else                          { say_out($self->_summary) }
    return;
}

# Those of earlier runs that were not sent again.
sub _tell_doubts {
    my ($self) = @_;
    my $policy = $self->{option}{'in-doubt'} || 'report';
    my @doubts = $self->{journal}->doubtful;
    if ($policy eq 'skip' and not $self->{is_dry}) {
        _usable(IO_ERROR, sub { $self->{journal}->skip_doubts; 1 });
        return;
    }
    foreach my $doubt (@doubts) {
        my $place = Mail::Wire::Result::_on_one_line("$doubt->{file} at $doubt->{offset}: <$doubt->{recipient}>");
        if ($self->{report}->is_json) { $self->{report}->object({ in_doubt => $doubt }) }
        else { say_out("$place: in doubt: an earlier run sent it, and did not live to see the answer; see --in-doubt\n") }
    }
    $self->{code} = Mail::Wire::Command::Report::worst($self->{code}, TRY_AGAIN) if @doubts;
    return;
}

sub _facts {
    my ($self) = @_;
    my @groups = map { my %group; @group{qw(count status stage code reason)} = @$_; \%group } $self->{summary}->groups;
    return { %{ $self->{import}->count }, groups => \@groups };
}

# Both sums are those of the lines below them.
sub _summary {
    my ($self) = @_;
    my $count = $self->{import}->count;
    my @lines = sprintf '%d messages read, for %d recipients', @{$count}{qw(messages recipients)};
    push @lines, sprintf '%d addresses, of which the server says:', scalar keys %{ $self->{import}->recipients } if $self->{asked};
    foreach my $group ($self->{summary}->groups) {
        my ($number, $status, @where) = @$group;
        push @lines, sprintf '%9d %s', $number, join ' ', $self->{report}->painted($status, $status), grep { length } @where;
    }
    my %words = (
        answered => 'answered in an earlier run', doubtful => 'in doubt from an earlier run, not sent again', duplicate => 'duplicates, not sent',
        left => $self->{is_dry} ? 'would be sent' : 'not sent, as the run was ended',
    );
    push @lines, map { sprintf '%9d %s', $count->{$_}, $words{$_} } grep { $count->{$_} } qw(answered doubtful duplicate left);
    push @lines, sprintf '%d messages have no recipient: nobody gets them', $count->{nobody} if $count->{nobody};
    push @lines, sprintf '%d times something could not be read, see above', $count->{unreadable} if $count->{unreadable};
    my $skipped = $self->{sources}->skipped;
    push @lines, sprintf '%d files are no mail: %s', $skipped, join ', ', ($self->{sources}->skipped)[ 0 .. ($skipped > 3 ? 2 : $skipped - 1) ]
        if $skipped;
    return map {"$_\n"} @lines;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Import - mailwire import: mailboxes of every kind

=head1 SYNOPSIS

    mailwire import URL PATH ...

    Sends each message of mbox files, MMDF, Maildirs, MH, .eml, archives.

      --to ADDRESS             recipients; or
      --to-header LIST         from the first of these fields (Delivered-To)
      --map FILE               ADDRESS RECIPIENT ... lines; .pl: Perl code
      --folders, --labels      to user+FOLDER; by Gmail's labels
      --separator +, --hierarchy /, --not-label NAME   how these are written
      -f, --from ADDRESS       sender; else the mailbox's, else none
      --from-header LIST       from the first of these fields
      --format NAME            mbox, mboxrd, mboxcl, takeout, maildir, eml ...
      --journal FILE           goes on where a stopped run was
      --in-doubt report        of a killed run: report, resend or skip
      --dedupe                 each message once for each recipient
      --links 4, --window 500  at once; in doubt after a kill at the most
      --rate N, --max-per-link N, --retry N    messages a second; times
      --save-refused DIR       refused messages, as files
      --dry-run, --check-recipients   sends nothing; asks for each recipient
      --json, -q, --quiet, -v, --verbose

    TLS, AUTH, times: mailwire help link.   Exit codes: man mailwire.

=head1 DESCRIPTION

Hands the messages of mailboxes to a server: to move to another one, or to fill one from an archive. L<Mail::Wire::Mailbox> says what it can
read. A PATH is a file or a folder, C<-> is standard input. Mailboxes are never written to; one that is written to by others meanwhile is not
read any further: lock it, or read a copy.

LMTP and QMTP carry messages, and nothing of what a mailbox knows about them: no flags, no dates of arrival, no folders. Messages come as new
ones. Folders can be a part of the address, see C<--folders>.

For each recipient who was not successful there is a line on standard output, with C<--verbose> for every one; with C<--json> each is an
object. At the end all of them are counted by status, stage, code and reason: the numbers add up to the recipients of the messages read. On a
terminal there is a bar with the rate and the time left meanwhile, else a line every 10,000 messages, or each minute.

=head2 Envelope

=over

=item --to ADDRESS

As often as there are recipients. Each message goes to all of them.

=item --to-header LIST

Names of header fields, with commas between them: recipients are the addresses in the first of them that a message has, and of several of that
name in the uppermost. C<Delivered-To,X-Original-To> is what servers have written down. Mind that others, such as C<To>, were
written by the sender. Messages without any are not sent, and counted; exit code 65.

=item --map FILE

Puts other recipients in place of these addresses. FILE has a line for each address: the address, white space, one recipient or more, C<-> for
nobody. An address may be C<@DOMAIN>, for all in it, or C<*>, for all. Those that are not in it stay. Case does not matter. A file in F<.pl> is
Perl, and
its last value code, which is called with the addresses of a message and returns its recipients:

    sub { map { s/\@old\.example\z/\@new.example/; $_ } @_ }

=item --folders

Puts the message's folder behind the user: C<ann@example.org> becomes C<ann+Sent/2020@example.org> for F<.Sent.2020> of a Maildir. Servers put such
mail into that folder if they are told to (Dovecot: C<lmtp_save_to_detail_mailbox>). The inbox adds nothing. C<--separator> is C<+> by default,
C<--hierarchy>, what is between the parts of a folder's name, C</>.

=item --labels

The same with the labels that Google Takeout writes (C<X-Gmail-Labels>): a message goes into the folder of each. C<Inbox> adds nothing. Labels
that say a state,
as C<Unread>, C<Opened>, C<Starred>, C<Important>, C<Archived> and C<Category ...>, are no folders; other languages' are named by
C<--not-label>.

=item --from ADDRESS, --from-header LIST

The sender: this address (C<""> is the null sender), or that of header fields as in C<--to-header>. By default that which the mailbox
knows (a C<From > line, C<Return-Path>). Who is not known is the null sender: nobody gets a bounce.

=back

=head2 Journal

With C<--journal FILE> each message is written down before it is sent, on the disk, and so is each answer. The same command then goes on when a
run was
stopped, by whatever: recipients who were answered, accepted or refused, are not sent to again; those who were deferred are. What a killed run had
sent, and has no answer for, is in doubt: at most C<--window> messages (500). C<--in-doubt> says what becomes of these:

=over

=item report

They are named by each run, and not sent: look for them in the mailbox. Exit code 75. The default.

=item resend

They are sent again. Somebody may get a message twice.

=item skip

They are not sent, and not named any more.

=back

A message is known again by its file's path, its place and length in it, and the first kilobyte; one of a Maildir also when its flags have
changed. Mailboxes that were moved, or written anew, are others. A journal belongs to one URL, and to one process at a time. When it cannot
be written, as the disk is full, nothing more is sent.

=head2 Other options

=over

=item --dedupe

A message that has the Message-ID and the text of another one, line ends aside, is left out for each recipient who is sent that one. Messages
without a Message-ID must be the same in whole.

=item --links N, --window N, --rate N, --max-per-link N, --retry N

N links at once (4). So many messages on their way, or in the journal and without an answer (500). At most N messages a second; N messages, then
another link;
how often deferred recipients are tried again (3). See L<Mail::Wire::Pool>.

=item --dry-run

Connects, reads everything, counts recipients, sends nothing.

=item --check-recipients

The same, and asks the server for each recipient (MAIL, RCPT, RSET).

=item --save-refused DIR

Messages that were refused for good are written there, F<000001.eml> and so on, and F<refused.txt> tells which recipients, and why.

=back

The first SIGINT or SIGTERM begins nothing more, and waits for what is on its way, but not for what is to be tried again later; the second
one ends it. A server that does not answer at all any more ends it as well, exit code 69. What could not be read makes 66.
Other exit codes are in L<mailwire/EXIT CODES>.

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Mailbox>, L<Mail::Wire::Pool>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
